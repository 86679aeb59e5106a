package storetest

import (
	"strings"
	"testing"
	"time"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

func TestHistoryCheck(t *testing.T) {
	created := event{op: "Create", version: 1, data: "a"}
	second := event{op: "Update", begin: 10, end: 20, base: 1, version: 2, data: "b"}
	at := func(minute int) time.Time { return time.Time{}.Add(time.Duration(minute) * time.Minute) }
	touched := event{op: "Touch", begin: 10, end: 20, base: 1, used: at(1)}
	deleted := event{op: "Delete", begin: 50, end: 60}
	for _, c := range []struct {
		name   string
		events []event
		want   string // part of the verdict; "": the history is possible
	}{
		{"reads during a write", []event{created, second, {op: "Load", begin: 15, end: 16, version: 1, data: "a"}, {op: "Load", begin: 15, end: 16, version: 2, data: "b"}}, ""},
		{"a rival's conflict", []event{created, second, {op: "Update", begin: 12, end: 19, base: 1, err: driver.ErrConflict}}, ""},
		{"misses after a delete began", []event{created, deleted, {op: "Load", begin: 40, end: 55, err: driver.ErrNotFound}}, ""},
		{"a stale read", []event{created, second, {op: "Load", begin: 21, end: 22, version: 1, data: "a"}}, "newer one"},
		{"a read of nothing written", []event{created, {op: "Load", begin: 1, end: 2, version: 1, data: "b"}}, "nobody wrote"},
		{"a read from the future", []event{created, second, {op: "Load", begin: 8, end: 9, version: 2, data: "b"}}, "nobody wrote"},
		{"a lost write", []event{created, second, {op: "Update", begin: 12, end: 22, base: 1, version: 3, data: "c"}}, "is lost"},
		{"one version twice", []event{created, second, {op: "Update", begin: 12, end: 22, base: 1, version: 2, data: "c"}}, "two writes"},
		{"a read after a delete", []event{created, deleted, {op: "Load", begin: 61, end: 62, version: 1, data: "a"}}, "after Delete"},
		{"a write after a delete", []event{created, deleted, {op: "Update", begin: 61, end: 62, base: 1, version: 2, data: "b"}}, "after Delete"},
		{"a touch after a delete", []event{created, deleted, {op: "Touch", begin: 61, end: 62}}, "after Delete"},
		{"a miss before any delete", []event{created, deleted, {op: "Touch", begin: 40, end: 45, err: driver.ErrNotFound}}, "before Delete"},
		{"a conflict with nobody", []event{created, {op: "Update", begin: 1, end: 2, base: 1, err: driver.ErrConflict}}, "nobody else"},
		{"a touch that conflicts and moves Used", []event{created, second, {op: "Touch", begin: 21, end: 22, base: 1, used: at(2), err: driver.ErrConflict}, {op: "Load", begin: 23, end: 24, version: 2, data: "b", used: at(2)}}, ""},
		{"a touch during a read", []event{created, touched, {op: "Load", begin: 15, end: 16, version: 1, data: "a"}, {op: "Load", begin: 15, end: 16, version: 1, data: "a", used: at(1)}}, ""},
		{"a touch that is lost", []event{created, touched, {op: "Load", begin: 21, end: 22, version: 1, data: "a"}}, "a later one"},
		{"a Used that moves back", []event{created, touched, {op: "Load", begin: 15, end: 16, version: 1, data: "a", used: at(1)}, {op: "Load", begin: 17, end: 18, version: 1, data: "a"}}, "a later one"},
		{"a Used of nobody", []event{created, {op: "Load", begin: 1, end: 2, version: 1, data: "a", used: at(1)}}, "which nobody wrote"},
		{"a Used of an update that conflicts", []event{created, second, {op: "Update", begin: 12, end: 19, base: 1, used: at(1), err: driver.ErrConflict}, {op: "Load", begin: 21, end: 22, version: 2, data: "b", used: at(1)}}, "which nobody wrote"},
		{"an outage", []event{created, {op: "Load", begin: 1, end: 2, err: driver.ErrUnavailable}}, "unavailable"},
	} {
		h := &history{events: c.events}
		err := h.check(driver.ID{})
		if c.want == "" && err != nil || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: check says %v, want %q", c.name, err, c.want)
		}
	}
}
