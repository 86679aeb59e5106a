package startserver

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// Prometheus starts a Prometheus. files are written to its folder; "prometheus.yml" is its configuration, and names the
// others by their names alone.
func Prometheus(tb testing.TB, files map[string]string) *Server {
	tb.Helper()
	s := &Server{
		Name:    "prometheus",
		program: program(tb, "prometheus"),
		account: "nobody",
		ready:   prometheusReady,
	}
	s.argv = func(s *Server) []string {
		return []string{
			"--config.file=" + filepath.Join(s.Dir, "prometheus.yml"), "--storage.tsdb.path=" + filepath.Join(s.Dir, "data"),
			"--web.listen-address=" + s.Addr, "--log.level=warn",
		}
	}
	return s.launch(tb, func() error {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(s.Dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
		return nil
	})
}

func prometheusReady(addr string) error {
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	resp, err := client.Get("http://" + addr + "/-/ready")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s", resp.Status)
	}
	return nil
}

// Promtool runs promtool in a folder and returns what it prints. The test fails if promtool does.
func Promtool(tb testing.TB, dir string, args ...string) string {
	tb.Helper()
	cmd := exec.Command(program(tb, "promtool"), args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		tb.Errorf("promtool %v: %v\n%s", args, err, out)
	}
	return string(out)
}
