package core

import (
	"bytes"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// goldenBlocks are the blocks of a session's life, with hashes and marks that can be told apart.
func goldenBlocks() map[string]block {
	const t = 1_790_000_000_123_456
	hash := func(c byte) (h tokenHash) {
		copy(h[:], bytes.Repeat([]byte{c}, hashSize))
		return h
	}
	fresh := block(make([]byte, blockSize))
	fresh.begin(hash(0xa1))
	copy(fresh[atMark:atSpare], "markmark")
	prepared := bytes.Clone(fresh)
	copy(prepared[atNext:atPrevious], bytes.Repeat([]byte{0xb2}, atPrevious-atNext))
	rotated := block(bytes.Clone(prepared))
	rotated.rotate(hash(0xc3), t)
	rotated.rotate(hash(0xd4), t+1)
	login := block(bytes.Clone(rotated))
	login.end(kindEndedByLogin, t+2)
	ended := block(bytes.Clone(prepared))
	ended.end(kindEnded, t+3)
	return map[string]block{"new": fresh, "rotated": rotated, "login": login, "ended": ended}
}

// The places in a block are never to change, in no later format.
func TestGoldenBlocks(t *testing.T) {
	for name, b := range goldenBlocks() {
		file := filepath.Join("testdata", "block-"+name+".hex")
		want, err := os.ReadFile(file)
		if os.IsNotExist(err) && *update {
			want = []byte(hex.EncodeToString(b) + "\n")
			err = os.WriteFile(file, want, 0o644)
		}
		if err != nil {
			t.Fatal(err)
		}
		if hex.EncodeToString(b) != strings.TrimSpace(string(want)) {
			t.Errorf("%s: written differently now", name)
		}
	}
	rotated := goldenBlocks()["rotated"]
	last, before, first := tokenHash(bytes.Repeat([]byte{0xd4}, hashSize)), tokenHash(bytes.Repeat([]byte{0xc3}, hashSize)), tokenHash(bytes.Repeat([]byte{0xa1}, hashSize))
	if !rotated.takes(&last) || rotated.takes(&before) || !rotated.took(&before) || rotated.took(&first) || rotated.rotations() != 2 {
		t.Error("rotated: takes the wrong token")
	}
	if zero := (tokenHash{}); goldenBlocks()["new"].took(&zero) {
		t.Error("a session that was never rotated had a token before")
	}
}

// Given a record of the release before, whose format is one lower, when this release updates it (Set, RotateID) or
// ends it (Login, Logout), then it writes the present format.
func TestPresentFormatIsWritten(t *testing.T) {
	m := &Manager{cfg: Config{Codec: JSON{}, MaxSize: 1 << 16}}
	for name, st := range goldenStates() {
		data, b, err := m.encode(&st)
		if err != nil {
			t.Fatal(err)
		}
		copy(b, goldenBlocks()["rotated"])
		before := driver.Record{Data: m.seal(driver.ID{}, data, b)}
		before.Data[atFormat] = envelopeFormat - 1
		for how, write := range map[string]func(*driver.Record) error{
			"update": func(rec *driver.Record) error { return (&saving{m: m, st: st, rec: rec, inPassing: true}).fill() },
			"rotate": func(rec *driver.Record) error {
				return (&saving{m: m, st: st, rec: rec, inPassing: true, rotate: true}).fill()
			},
			"login":  func(rec *driver.Record) error { m.makeEnded(rec, kindEndedByLogin, 1); return nil },
			"logout": func(rec *driver.Record) error { m.makeEnded(rec, kindEnded, 1); return nil },
		} {
			after := before
			if err := write(&after); err != nil || after.Data[atFormat] != envelopeFormat {
				t.Errorf("%s, %s: format %d, want %d; %v", name, how, after.Data[atFormat], envelopeFormat, err)
			}
			if b := block(after.Data); b.rotations() < block(before.Data).rotations() {
				t.Errorf("%s, %s: the rest of the block was lost", name, how)
			}
		}
	}
}
