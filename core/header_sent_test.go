package core_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coatcheck-go/coatcheck/core"
)

// "Forget me when the browser closes", said after the header, either fails or reaches the browser with the next page.
func TestCookieKindChangedAfterTheHeader(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newManager(t, core.Config{})
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, count.Set(s, 1)) })
		r := b.send()
		if _, err := r.x.Commit(ctx, 200); err != nil {
			t.Fatal(err)
		}
		err := r.s.ExpireAtBrowserClose()
		if err == nil {
			err = r.s.Save(ctx)
		}
		if err != nil {
			return
		}
		for range 3 {
			time.Sleep(24 * time.Hour)
			b.visit(read)
			if b.line != "" && !strings.Contains(b.line, "Max-Age") {
				return
			}
		}
		t.Error("the call succeeded, and the browser keeps a persistent cookie")
	})
}
