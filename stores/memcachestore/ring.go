package memcachestore

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// ring chooses a server for each session by consistent hashing, as Ketama does: every
// server has many points on a circle, and a session belongs to the next one. A server
// that comes or goes moves only the sessions of its own points.
type ring struct {
	servers []*server
	points  []point
}

type point struct {
	at     uint64
	server *server
}

// points per server: enough for loads that differ by a few percent.
const points = 400

func (r *ring) add(sv *server) error {
	for _, other := range r.servers {
		if other.addr == sv.addr {
			return fmt.Errorf("%q is listed twice", sv.addr)
		}
	}
	r.servers = append(r.servers, sv)
	return nil
}

// build places the points. A server's name decides where they are, not its generation, nor
// its place in the list.
func (r *ring) build() {
	for _, sv := range r.servers {
		for i := range uint32(points / 4) {
			sum := sha256.Sum256(binary.BigEndian.AppendUint32([]byte(sv.addr), i))
			for part := range slices.Chunk(sum[:], 8) {
				r.points = append(r.points, point{binary.BigEndian.Uint64(part), sv})
			}
		}
	}
	slices.SortFunc(r.points, func(a, b point) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.server.addr, b.server.addr))
	})
}

// pick returns the server of id. The first 16 bytes of an ID are random or a hash: those bits will
// do, and the rest may be the same for all sessions.
func (r *ring) pick(id *driver.ID) *server {
	if len(r.servers) == 1 {
		return r.servers[0]
	}
	at := binary.BigEndian.Uint64(id[:])
	i := sort.Search(len(r.points), func(i int) bool { return r.points[i].at >= at })
	return r.points[i%len(r.points)].server
}
