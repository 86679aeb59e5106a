package core_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// A job has finished: its result goes into the session that asked for it, and the user's next page shows a message.
func ExampleManager_Change() {
	m := open()
	defer m.Close()
	ctx := context.Background()

	const report core.Key[string] = "report"
	var id core.ID // the job keeps it: it gives no access
	cookie := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	handle(m, cookie, func(s *core.Session) { id = s.ID() })

	err := m.Change(ctx, id, func(s *core.Session) error {
		_ = s.AddFlash("info", "Your report is ready.")
		return report.Set(s, "/reports/7")
	})
	fmt.Println(err)
	handle(m, cookie, func(s *core.Session) {
		messages, _ := s.Flashes(ctx)
		fmt.Println(messages[0].Text, report.GetOr(s, ""))
		_ = s.Logout()
	})

	err = m.Change(ctx, id, func(s *core.Session) error { return report.Set(s, "/reports/8") })
	fmt.Println(errors.Is(err, core.ErrEnded))
	_, err = m.Session(ctx, id) // to look, and not to change
	fmt.Println(errors.Is(err, core.ErrNotFound))
	// Output:
	// <nil>
	// Your report is ready. /reports/7
	// true
	// true
}

// An administrator makes alice an editor: all her sessions have the right from their next request on.
func ExampleManager_ChangeSubject() {
	m := open()
	defer m.Close()
	ctx := context.Background()

	const role core.Key[string] = "role"
	laptop := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })
	phone := handle(m, "", func(s *core.Session) { _ = s.Login("alice") })

	n, err := m.ChangeSubject(ctx, "alice", func(s *core.Session) error { return role.Set(s, "editor") })
	fmt.Println(n, err)
	for _, cookie := range []string{laptop, phone} {
		handle(m, cookie, func(s *core.Session) { fmt.Println(role.GetOr(s, "")) })
	}
	// Output:
	// 2 <nil>
	// editor
	// editor
}

// What the list of devices shows: the browser, the network, how and when the user signed in, and the last use.
func ExampleSession_Device() {
	store, err := memstore.New(memstore.Config{})
	if err != nil {
		panic(err)
	}
	m, err := core.New(core.Config{Store: store, Devices: &core.Devices{
		Label:    func(userAgent string) string { return "a browser" }, // yours: a parser of User-Agent headers
		IPv4Bits: 16, IPv6Bits: -1,
	}})
	if err != nil {
		panic(err)
	}
	defer m.Close()

	// An adapter tells core where a request comes from. Here the Example does.
	ctx := context.Background()
	x := m.Adapter().Begin(ctx, http.Header{})
	x.Client(func() (userAgent, address string) { return "Mozilla/5.0 ...", "203.0.113.7:51515" })
	s, _ := x.Session(ctx)
	_ = s.LoginBy("alice", "passkey")
	_, _ = x.Commit(ctx, 200)
	_ = x.Finish(ctx)

	for s, err := range m.Sessions(ctx, "alice") {
		var d core.Device = s.Device()
		fmt.Println(d.Label, d.Network, d.Method, s.LastUsed().IsZero(), err)
	}
	// Output: a browser 203.0.0.0/16 passkey false <nil>
}

// A user asks for a copy of their data, and then for its erasure.
func ExampleManager_ExportSubject() {
	m := open()
	defer m.Close()
	ctx := context.Background()

	const city core.Key[string] = "city"
	handle(m, "", func(s *core.Session) {
		_ = s.LoginBy("alice", "pwd")
		_ = city.Set(s, "Wien")
		_ = s.AddFlash("info", "Welcome.")
	})
	all, err := m.ExportSubject(ctx, "alice")
	for _, e := range all { // or all of it, as JSON
		values, _ := json.Marshal(e.Values)
		fmt.Println(e.Subject, e.Device.Method, string(values), e.Messages, err)
	}
	n, err := m.EraseSubject(ctx, "alice")
	fmt.Println(n, err)
	// Output:
	// alice pwd {"city":"Wien"} [{info Welcome.}] <nil>
	// 1 <nil>
}

// Export is one session's part of that, for a page that shows users what is kept of them.
func ExampleSession_Export() {
	m := open()
	defer m.Close()
	handle(m, "", func(s *core.Session) {
		_ = s.Login("alice")
		var e core.Export = s.Export()
		fmt.Println(e.Subject, e.ID == s.ID(), e.Created.IsZero(), e.AuthTime.IsZero(), e.LastUsed.IsZero(), e.Expires.IsZero())
	})
	// Output: alice true false false true false
}
