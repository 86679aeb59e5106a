package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/sessionadmin"
)

// watcher is what watch was asked for.
type watcher struct {
	url, header string
	every       time.Duration
	count       int
}

func (a *app) watch() *cobra.Command {
	var w watcher
	c := &cobra.Command{
		Use: "watch [URL]", Short: "Follow a running application, or count its sessions again and again", Args: cobra.MaximumNArgs(1),
		Long: "watch prints a line each time: what a running application has done since the last one, by the JSON of its sessionadmin\n" +
			"page at URL. Without a URL, it counts the sessions in the store, where the store can count. Ctrl-C ends it.",
	}
	c.Flags().DurationVar(&w.every, "every", 5*time.Second, "time between two lines, at least 100ms")
	c.Flags().IntVar(&w.count, "count", 0, "end after so many lines; 0: never")
	c.Flags().StringVar(&w.header, "header", "", "a header for the page's Authorize: NAME=env:VARIABLE or NAME=file:PATH")
	c.RunE = func(c *cobra.Command, args []string) error {
		if w.every < 100*time.Millisecond || w.count < 0 {
			return usagef("--every is at least 100ms, and --count not negative")
		}
		if len(args) == 0 {
			return a.watchStore(c.Context(), w)
		}
		w.url = args[0]
		return a.watchPage(c.Context(), w)
	}
	return c
}

// lines calls f for each line, until it fails for the first time or the command is interrupted.
func (w watcher) lines(ctx context.Context, f func(n int) error) error {
	for n := 0; w.count == 0 || n < w.count; n++ {
		if n > 0 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(w.every):
			}
		}
		if err := f(n); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) watchStore(ctx context.Context, w watcher) error {
	m, err := a.open(ctx)
	if err != nil {
		return err
	}
	return w.lines(ctx, func(int) error {
		n, err := m.Count(ctx)
		if errors.Is(err, errors.ErrUnsupported) {
			return fmt.Errorf("%s cannot count its sessions (databases can): name the URL of the application's sessionadmin page, or use coatcheck stats: %w", m.Info().Name, errors.ErrUnsupported)
		}
		if err != nil {
			return err
		}
		now := time.Now()
		return a.print(map[string]any{"time": now, "sessions": n}, func(out io.Writer) {
			fmt.Fprintf(out, "%s\t%d sessions\n", now.Format(time.TimeOnly), n)
		})
	})
}

func (a *app) watchPage(ctx context.Context, w watcher) error {
	name, reference, found := strings.Cut(w.header, "=")
	value := ""
	if w.header != "" {
		secret, err := driver.ReadSecret(reference)
		if err != nil || !found {
			return usagef("--header is NAME=env:VARIABLE or NAME=file:PATH: %v", err)
		}
		value = secret
	}
	var last sessionadmin.Overview
	return w.lines(ctx, func(n int) error {
		now, err := overview(ctx, w.url, name, value)
		if err != nil && n > 0 && ctx.Err() == nil {
			fmt.Fprintf(a.err, "coatcheck: %s\n", a.line(err, exitFailed)) // it may be back soon
			return nil
		}
		if err != nil {
			return err
		}
		defer func() { last = now }()
		if n == 0 && !a.asJSON {
			fmt.Fprintln(a.out, "    time  sessions  loads/s  writes/s  failed  sign-ins  ends  conflicts  unknown  reused  ms/call")
		}
		return a.print(now, func(out io.Writer) { fmt.Fprintln(out, row(last, now)) })
	})
}

var errPage = errors.New("the page does not answer")

// overview asks the page.
func overview(ctx context.Context, url, name, value string) (o sessionadmin.Overview, err error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil || req.URL.Host == "" {
		return o, usagef("that is no URL of a page: http://HOST/PATH/")
	}
	req.Header.Set("Accept", "application/json")
	if name != "" {
		req.Header.Set(name, value)
	}
	res, err := (&http.Client{CheckRedirect: sameServer}).Do(req)
	if err != nil {
		return o, fmt.Errorf("%w: %w", errPage, err)
	}
	defer res.Body.Close()
	switch {
	case res.StatusCode == http.StatusForbidden || res.StatusCode == http.StatusUnauthorized:
		return o, fmt.Errorf("the page answers %s: its Authorize wants to know who you are (--header)", res.Status)
	case res.StatusCode != http.StatusOK:
		return o, fmt.Errorf("the page answers %s", res.Status)
	}
	if err := json.NewDecoder(io.LimitReader(res.Body, 1<<20)).Decode(&o); err != nil || o.Store == "" {
		return o, errors.New("the page is not sessionadmin's overview: the URL ends in its prefix and a slash")
	}
	return o, nil
}

// sameServer follows no redirect to another server, such as that of a single sign-on, or from https to http: it would get
// the header, too.
func sameServer(req *http.Request, via []*http.Request) error {
	was := via[len(via)-1].URL
	if len(via) >= 10 || req.URL.Host != was.Host || req.URL.Scheme != was.Scheme {
		return http.ErrUseLastResponse
	}
	return nil
}

// row is what has happened between two overviews; since the process began, if there is only one.
func row(last, now sessionadmin.Overview) string {
	sessions := "-"
	if now.Sessions != nil {
		sessions = fmt.Sprint(*now.Sessions)
	}
	if now.Stats == nil {
		return fmt.Sprintf("%s  %8s  the page has no Stats: sessionadmin.Config.Stats", now.Time.Local().Format(time.TimeOnly), sessions)
	}
	was, since := sessionadmin.Counts{}, now.Stats.Since
	if last.Stats != nil && last.Stats.Since.Equal(since) { // else the application has begun anew
		was, since = last.Stats.Total, last.Time
	}
	is, seconds := now.Stats.Total, max(now.Time.Sub(since).Seconds(), 0.001)
	each := 0.0
	if calls := is.Calls - was.Calls; calls > 0 {
		each = (is.Seconds - was.Seconds) / float64(calls) * 1000
	}
	return fmt.Sprintf("%s  %8s  %7.1f  %8.1f  %6d  %8d  %4d  %9d  %7d  %6d  %7.2f", now.Time.Local().Format(time.TimeOnly), sessions,
		float64(is.Loads-was.Loads)/seconds, float64(is.Writes-was.Writes)/seconds, is.Failures-was.Failures, is.Logins-was.Logins,
		is.Ends-was.Ends, is.Conflicts-was.Conflicts, is.Unknown-was.Unknown, is.Reused-was.Reused, each)
}
