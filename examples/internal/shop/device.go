package shop

import (
	"errors"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mileusna/useragent"

	"github.com/coatcheck-go/coatcheck/core"
)

// Devices is what the session keeps of a device that signs in: a name, and a part of its address. In production, tell the
// framework which proxies to believe: docs/devices.md.
var Devices = core.Devices{Label: deviceName}

// Device is a session as its user sees it.
type Device struct {
	ID                 core.ID // may be shown, since it gives no access
	Name, From, Method string
	Since, Used, Until time.Time
	Current            bool // it is used now: Used is that of an earlier request, since this one's use is stored when it ends
}

// DevicesPage lists a user's sessions, this one first and then the newest, or says that the store cannot list them.
func DevicesPage(sessions iter.Seq2[*core.Session, error], current core.ID) (Page, error) {
	var page Page
	for s, err := range sessions {
		if errors.Is(err, errors.ErrUnsupported) {
			return Page{NoList: true}, nil
		}
		if err != nil {
			return Page{}, err
		}
		d := s.Device()
		line := Device{
			ID: s.ID(), Name: d.Label, Method: d.Method,
			Since: s.Created(), Used: s.LastUsed(), Until: s.ExpiresAt(), Current: s.ID() == current,
		}
		if d.Network.IsValid() {
			line.From = d.Network.String()
		}
		page.Devices = append(page.Devices, line)
	}
	slices.SortFunc(page.Devices, func(a, b Device) int {
		switch {
		case a.Current:
			return -1
		case b.Current:
			return 1
		}
		return b.Since.Compare(a.Since)
	})
	return page, nil
}

// deviceName makes a name that people know out of a User-Agent header.
func deviceName(agent string) string {
	ua := useragent.Parse(agent)
	system := ua.OS
	if ua.Device != "" {
		system = ua.Device
	}
	switch {
	case ua.Name != "" && system != "":
		return ua.Name + " on " + system
	case ua.Name != "":
		return ua.Name
	case agent != "":
		name, _, _ := strings.Cut(agent, " ")
		return name
	}
	return "Unknown device"
}
