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

// ring chooses a server for each session by consistent hashing, as Ketama does. Every server has many points on a
// circle. A session belongs to the server of the next point. Adding or removing a server moves only the sessions of
// that server's points.
type ring struct {
	servers []*server
	points  []point
}

type point struct {
	at     uint64
	server *server
}

// pointsPerServer is large enough that the servers' shares differ by a few percent only.
const pointsPerServer = 400

func (r *ring) add(sv *server) error {
	for _, other := range r.servers {
		if other.addr == sv.addr {
			return fmt.Errorf("%q is listed twice", sv.addr)
		}
	}
	r.servers = append(r.servers, sv)
	return nil
}

// build computes the points. They depend on the server's address, and not on its generation or its position in the
// list.
func (r *ring) build() {
	for _, sv := range r.servers {
		for i := range uint32(pointsPerServer / 4) {
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

// pick returns the server of id. It goes by the first 8 bytes, because the first 16 bytes of an ID are random or a
// hash, and the rest may be the same for all sessions.
func (r *ring) pick(id *driver.ID) *server {
	if len(r.servers) == 1 {
		return r.servers[0]
	}
	at := binary.BigEndian.Uint64(id[:])
	i := sort.Search(len(r.points), func(i int) bool { return r.points[i].at >= at })
	return r.points[i%len(r.points)].server
}
