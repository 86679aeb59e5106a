package sessionadmin_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
	"github.com/coatcheck-go/coatcheck/sessiontest"
)

// operators returns the pages of a manager.
func operators(m *sessiontest.Manager, stats *sessionadmin.Stats) http.Handler {
	admin, err := sessionadmin.New(sessionadmin.Config{
		Manager: m.Manager, Stats: stats, Authorize: sessionadmin.WrappedBy("nobody, in an Example"), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		panic(err)
	}
	return admin
}

// ask is a program that gets JSON from the pages. In earnest it has an http.Client.
func ask(admin http.Handler, method, path string, into any) (status int) {
	res := send(admin, method, path, nil)
	if err := json.NewDecoder(res.Body).Decode(into); err != nil {
		fmt.Println(err)
	}
	return res.StatusCode
}

// An alert on what the first page says.
func ExampleOverview() {
	t := sessiontest.ExampleTB{}
	stats := sessionadmin.NewStats()
	m := sessiontest.New(t, core.Config{Observer: stats.Observe})
	admin := operators(m, stats)
	m.SignedIn("alice")

	var o sessionadmin.Overview
	ask(admin, "GET", "/", &o)
	switch {
	case !o.Answers:
		fmt.Println("the store is away:", o.Problem)
	case o.Sessions == nil:
		fmt.Println("nobody knows how many sessions there are:", o.Uncounted)
	default:
		fmt.Println(o.Store, "has", *o.Sessions, "session, counted just now:", time.Since(o.Time) < time.Minute)
	}
	if o.Stats.Total.Failures > 0 {
		fmt.Println("calls of the store have failed")
	}
	// Output: memstore has 1 session, counted just now: true
}

// Who is signed in where? Each page has 50 sessions.
func ExampleList() {
	t := sessiontest.ExampleTB{}
	m := sessiontest.New(t, core.Config{})
	admin := operators(m, nil)
	m.SignedIn("alice", sessiontest.Age(20*time.Hour))
	m.Clock.Advance(time.Minute)
	m.SignedIn("alice", sessiontest.Change(func(s *core.Session) error { return s.LoginBy("alice", "passkey") }))

	for page, pages := 1, 1; page <= pages; page++ {
		var l sessionadmin.List
		ask(admin, "GET", fmt.Sprint("/sessions?user=alice&page=", page), &l)
		fmt.Printf("page %d of all %d sessions of %s%s\n", l.Page, l.Total, l.User, l.Note)
		for _, s := range l.Sessions { // the last used first
			fmt.Printf("%s signed in by %q %v before the last use, own session: %t\n", s.User, s.Device.Method, s.LastUsed.Sub(s.AuthTime), s.Own)
		}
		pages = l.Pages
	}
	// Output:
	// page 1 of all 2 sessions of alice
	// alice signed in by "passkey" 0s before the last use, own session: false
	// alice signed in by "" 20h0m0s before the last use, own session: false
}

// One session, for a user who asks the support team why the cart is empty. Without Config.Format, values are hidden.
func ExampleSession() {
	t := sessiontest.ExampleTB{}
	m := sessiontest.New(t, core.Config{})
	admin := operators(m, nil)
	alice := m.SignedIn("alice", sessiontest.With(core.Key[int]("visits"), 3))

	var s sessionadmin.Session
	ask(admin, "GET", "/session?id="+alice.Session().ID().String(), &s)
	fmt.Println(s.ID == alice.Session().ID(), s.Keys, "value of", s.Bytes, "bytes with its key")
	fmt.Println("ends in", s.Expires.Sub(s.Created), "unless it is used before")
	for _, v := range s.Values {
		var value sessionadmin.Value = v
		fmt.Printf("%s: %d byte, shown as %q\n", value.Key, value.Bytes, value.Text)
	}
	// Output:
	// true 1 value of 7 bytes with its key
	// ends in 336h0m0s unless it is used before
	// visits: 1 byte, shown as ""
}

// A script signs a user out on all devices but one. It looks first at what that would end.
func ExamplePreview() {
	t := sessiontest.ExampleTB{}
	m := sessiontest.New(t, core.Config{})
	admin := operators(m, nil)
	keep := m.SignedIn("alice").Session().ID()
	m.SignedIn("alice")

	query := "/revoke?user=alice&except=" + keep.String()
	var p sessionadmin.Preview
	ask(admin, "GET", query, &p)
	fmt.Println(p.Action, "would end", p.Total)

	var r sessionadmin.Result
	ask(admin, "POST", query, &r)
	fmt.Println(r.Ended, "of", r.User, "ended, but not", r.Except == keep, r.Note)
	// Output:
	// revoke_others would end 1
	// 1 of alice ended, but not true
}

// After a leak: all sessions from before a time end. What was not done is a Problem.
func ExampleProblem() {
	t := sessiontest.ExampleTB{}
	m := sessiontest.New(t, core.Config{})
	admin := operators(m, nil)
	m.SignedIn("alice", sessiontest.Age(time.Hour))
	m.SignedIn("bob")

	var r sessionadmin.Result
	before := m.Clock.Now().Add(-time.Minute).UTC().Truncate(time.Second)
	ask(admin, "POST", "/revoke?before="+before.Format(time.RFC3339), &r)
	var target sessionadmin.Target = r.Target
	fmt.Println(r.Ended, target.ID.IsZero(), target.Before.Equal(before))

	var p sessionadmin.Problem
	ask(admin, "POST", "/revoke?before=yesterday", &p)
	fmt.Println(p.Status, p.Error)
	// Output:
	// 1 true true
	// 400 This is no time: write it as 2026-01-02T15:04:05Z, or now.
}

// A line in the application's own log. Each process counts for itself.
func ExampleStats() {
	t := sessiontest.ExampleTB{}
	var stats *sessionadmin.Stats = sessionadmin.NewStats()
	m := sessiontest.New(t, core.Config{Observer: stats.Observe})
	m.SignedIn("alice")

	var report sessionadmin.Report = stats.Report()
	var c sessionadmin.Counts = report.Total
	fmt.Println("calls:", c.Calls, "loads:", c.Loads, "creates:", c.Creates, "writes:", c.Writes, "failures:", c.Failures)
	fmt.Println("sign-ins:", c.Logins, "ended:", c.Ends, "tokens of no session:", c.Unknown)
	if c.Conflicts+c.Dropped+c.Corrupt > 0 {
		fmt.Println("look at the log: changes that were made again, or lost, or records that cannot be read")
	}
	if c.Reused > 0 {
		fmt.Println("somebody has a copy of a token")
	}
	if c.Slowest > 5 {
		fmt.Printf("one call took %.1f s, all of them %.1f s\n", c.Slowest, c.Seconds)
	}
	for _, m := range report.Minutes { // of the last hour
		var minute sessionadmin.Minute = m
		fmt.Println("since minute", minute.Start.Sub(report.Since).Minutes(), "calls:", minute.Calls)
	}
	// Output:
	// calls: 2 loads: 1 creates: 1 writes: 0 failures: 0
	// sign-ins: 1 ended: 0 tokens of no session: 0
	// since minute 0 calls: 2
}
