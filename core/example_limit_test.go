package core_test

import (
	"context"
	"errors"
	"fmt"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A user may be signed in on three devices. The sign-in page of a fourth one learns of it from Save, and may end one of
// the others.
func ExampleWhenFull() {
	store, _ := memstore.New(memstore.Config{})
	var full core.WhenFull = core.RefuseNew // core.EndOldest, the default, signs the oldest device out without asking
	m, err := core.New(core.Config{Store: store, MaxPerSubject: 3, WhenFull: full})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer m.Close()
	ctx := context.Background() // in earnest: the request's
	for range 3 {
		handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	}
	handle(m, "", func(s *core.Session) {
		_ = s.Login("alice") // after the password was checked
		err := s.Save(ctx)
		if !errors.Is(err, core.ErrTooManySessions) {
			fmt.Println("signed in:", err)
			return
		}
		// Either show a page with a status of 400 or more, or, if the form has named a device, end that one.
		var devices []core.ID
		for device, err := range m.Sessions(ctx, "alice") {
			if err == nil {
				devices = append(devices, device.ID())
			}
		}
		fmt.Printf("%d: you are signed in on %d devices\n", core.HTTPStatus(err), len(devices))
		fmt.Println(m.RevokeOwn(ctx, "alice", devices[0]), s.Save(ctx))
	})
	n, err := m.Count(ctx)
	fmt.Println("sessions:", n, err)
	// Output:
	// 403: you are signed in on 3 devices
	// <nil> <nil>
	// sessions: 3 <nil>
}

// A number for a dashboard. It comes from the store and not from a walk through all sessions.
func ExampleManager_Count() {
	m := open()
	defer m.Close()
	handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	handle(m, "", func(s *core.Session) { _ = s.Login("bob") })
	n, err := m.Count(context.Background())
	if errors.Is(err, errors.ErrUnsupported) {
		fmt.Println("this store cannot count") // memcached, Redis, files, cookies
		return
	}
	fmt.Println(n, err)
	// Output:
	// 2 <nil>
}
