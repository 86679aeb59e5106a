package correct

import (
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"github.com/coatcheck-go/coatcheck/bench/peer"
)

// saveRefused asks for a write when the store can be read but takes nothing more.
func saveRefused(t *target) (verdict, error) {
	refuse := refusals[t.app.Store]
	if refuse == nil {
		return verdict{text: "-"}, nil
	}
	mend, err := refuse(t)
	if err != nil {
		return verdict{}, err
	}
	return t.failedWrite(mend)
}

// storeGone asks for a write when there is nothing to be asked any more: the server is gone, or a
// file is where the folder was.
func storeGone(t *target) (verdict, error) {
	switch t.app.Store {
	case "redis", "memcached", "postgres":
		t.env.Down()
		return t.failedWrite(t.env.Up)
	case "file":
		dir := t.env.Env.Dir
		if err := errors.Join(os.RemoveAll(dir), os.WriteFile(dir, nil, 0o600)); err != nil {
			return verdict{}, err
		}
		return t.failedWrite(func() error { return errors.Join(os.Remove(dir), os.Mkdir(dir, 0o700)) })
	}
	return verdict{text: "-"}, nil
}

// failedWrite asks for Write, mends the store, and says how the library owned up. An answer of 200
// counts as lost unless the session holds what it said.
func (t *target) failedWrite(mend func() error) (verdict, error) {
	start := time.Now()
	a, err := t.site.get(peer.Write, t.cookie)
	seconds := time.Since(start).Seconds()
	mended := mend()
	var netErr net.Error
	if errors.As(err, &netErr) && netErr.Timeout() {
		return verdict{text: fmt.Sprintf("no answer in %v", patience)}, mended
	}
	if err = errors.Join(err, mended); err != nil {
		return verdict{}, err
	}
	v := verdict{text: fmt.Sprint(a.status), metrics: map[string]float64{"status": float64(a.status), "seconds": seconds}}
	if a.status != 200 {
		if a.cookie("") != "" {
			v.text += " with a cookie"
		}
		return v, nil
	}
	read, err := t.site.get(peer.Read, a.cookie(t.cookie))
	if err != nil {
		return verdict{}, err
	}
	if read.body == a.body {
		v.text += ", saved"
	} else {
		v.text += ", lost"
	}
	return v, nil
}
