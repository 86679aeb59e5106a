package shop

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/coatcheck-go/coatcheck/core"
)

// Device is a session as its user sees it.
type Device struct {
	ID           core.ID // may be shown, since it gives no access
	Agent, Name  string
	Since, Until time.Time
	Current      bool
}

// DevicesPage lists a user's sessions, the newest first, or says that the store cannot list them.
func DevicesPage(sessions iter.Seq2[*core.Session, error], current core.ID) (Page, error) {
	var page Page
	for s, err := range sessions {
		if errors.Is(err, errors.ErrUnsupported) {
			return Page{NoList: true}, nil
		}
		if err != nil {
			return Page{}, err
		}
		agent := Agent.GetOr(s, "")
		page.Devices = append(page.Devices, Device{
			ID: s.ID(), Agent: agent, Name: deviceName(agent),
			Since: s.Created(), Until: s.ExpiresAt(), Current: s.ID() == current,
		})
	}
	slices.SortFunc(page.Devices, func(a, b Device) int { return b.Since.Compare(a.Since) })
	return page, nil
}

// ShortAgent shortens a User-Agent, so that a client cannot make us store a long one.
func ShortAgent(agent string) string {
	const most = 160
	if len(agent) > most {
		agent = agent[:most]
	}
	if !utf8.ValidString(agent) {
		agent = strings.ToValidUTF8(agent, "")
	}
	return agent
}

// deviceName guesses a name that people know. The order matters: Edge also says that it is Chrome, and every browser
// says that it is Mozilla.
func deviceName(agent string) string {
	browser := firstIn(agent, [][2]string{
		{"Edg/", "Edge"}, {"OPR/", "Opera"}, {"Firefox/", "Firefox"}, {"Chrome/", "Chrome"}, {"Safari/", "Safari"}, {"curl/", "curl"},
	})
	system := firstIn(agent, [][2]string{
		{"iPhone", "iPhone"}, {"iPad", "iPad"}, {"Android", "Android"}, {"Windows", "Windows"}, {"Mac OS X", "macOS"}, {"Linux", "Linux"},
	})
	switch {
	case browser != "" && system != "":
		return browser + " on " + system
	case browser != "":
		return browser
	case agent != "":
		name, _, _ := strings.Cut(agent, " ")
		return name
	}
	return "Unknown device"
}

func firstIn(s string, table [][2]string) string {
	for _, row := range table {
		if strings.Contains(s, row[0]) {
			return row[1]
		}
	}
	return ""
}
