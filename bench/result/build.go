package result

import (
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
)

// Version is what this program was built with of a module: "v1.2.3", "(devel)" for one of this
// repository, "" if unknown. That of "std" is Go's.
func Version(module string) string {
	if module == "std" {
		return runtime.Version()
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return ""
	}
	for _, dep := range info.Deps {
		if dep.Path == module && dep.Replace != nil {
			return "(devel)"
		} else if dep.Path == module {
			return dep.Version
		}
	}
	return ""
}

// Machine describes what this runs on: CPU, cores, kernel and Go version.
func Machine() string {
	cpu := runtime.GOARCH
	info, _ := os.ReadFile("/proc/cpuinfo")
	if _, rest, found := strings.Cut(string(info), "model name"); found {
		line, _, _ := strings.Cut(rest, "\n")
		cpu = strings.TrimLeft(line, "\t :")
	}
	kernel, _ := os.ReadFile("/proc/sys/kernel/osrelease")
	return strings.Join([]string{cpu, strconv.Itoa(runtime.NumCPU()) + " cores",
		runtime.GOOS + " " + strings.TrimSpace(string(kernel)), runtime.Version()}, ", ")
}
