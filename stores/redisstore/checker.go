package redisstore

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

const opCheck = "redisstore: check the index"

// settled is the age from which a record must be in the index: the Create of a younger one may be under way.
const settled = time.Minute

// Check implements driver.Checker. It walks through the records as All does, and looks for each in its sets, which must
// also live as long as the record. A member of a set whose record is gone is no problem here: Delete leaves it, and the
// next walk drops it. It passes over records that were created within the last minute, by this process's clock.
func (s *Store) Check(ctx context.Context, fix bool) iter.Seq2[driver.Problem, error] {
	return func(yield func(driver.Problem, error) bool) {
		c := checking{s: s, ctx: ctx, fix: fix, yield: yield}
		var batch []driver.Record
		for rec, err := range s.All(ctx) {
			if unreadable(err) {
				break // the last element: All tells of such records
			}
			if err != nil {
				yield(driver.Problem{}, err)
				return
			}
			// Since the year 1, in microseconds: Create takes the time as the version, and each Update adds one.
			if rec.Subject == "" || rec.Version+uint64(settled.Microseconds()) > micros(s.now()) {
				continue
			}
			rec.Data = nil
			if batch = append(batch, rec); len(batch) == batchSize {
				if !c.batch(batch) {
					return
				}
				batch = batch[:0]
			}
		}
		c.batch(batch)
	}
}

// checking is one walk of Check.
type checking struct {
	s     *Store
	ctx   context.Context
	fix   bool
	yield func(driver.Problem, error) bool
}

// batch looks for records in the index. It reports whether the walk goes on.
func (c *checking) batch(recs []driver.Record) bool {
	asked, err := c.ask(recs)
	if err != nil {
		c.yield(driver.Problem{}, err)
		return false
	}
	for i := range recs {
		if len(asked[i]) == 0 {
			continue
		}
		problems, err := c.settle(&recs[i], asked[i])
		for _, p := range problems {
			if !c.yield(p, nil) {
				return false
			}
		}
		if err != nil {
			c.yield(driver.Problem{}, err)
			return false
		}
	}
	return true
}

// ask asks the sets of each record, all at once, and returns what seems wrong with each record.
func (c *checking) ask(recs []driver.Record) ([][]string, error) {
	var cmds []rueidis.Completed
	for i := range recs {
		for _, e := range c.s.entries(&recs[i]) {
			// Unmarked, so that the primary answers.
			cmds = append(cmds,
				c.s.client.B().Arbitrary("ZSCORE").Keys(e.key).Args(string(recs[i].ID[:])).Build().ToRetryable(),
				c.s.client.B().Arbitrary("PTTL").Keys(e.key).Build().ToRetryable())
		}
	}
	wrong := make([][]string, len(recs))
	if len(cmds) == 0 {
		return wrong, nil
	}
	replies, _, err := c.s.doAll(c.ctx, opCheck, cmds...)
	if err != nil {
		return nil, err
	}
	for i := range recs {
		for n := range c.s.entries(&recs[i]) {
			what, err := c.read(&recs[i], replies[0], replies[1])
			if err != nil {
				return nil, err
			}
			if what != "" {
				wrong[i] = append(wrong[i], "the index by "+[]string{"subject", "label"}[min(n, 1)]+" "+what)
			}
			replies = replies[2:]
		}
	}
	return wrong, nil
}

// read reads the replies to ZSCORE and PTTL.
func (c *checking) read(rec *driver.Record, score, life rueidis.RedisResult) (what string, err error) {
	err = c.s.fail(c.ctx, opCheck, score.Error())
	switch {
	case rueidis.IsRedisNil(err):
		return "lacks it", nil
	case unreadable(err):
		return "is damaged: something else is under its key", nil
	case err != nil:
		return "", err
	}
	left, err := life.AsInt64()
	if err != nil {
		return "", c.s.unavailable(c.ctx, opCheck, err)
	}
	// The set's life was computed by another server's clock, perhaps, so it may be a little short.
	if left >= 0 && c.s.now().Add(time.Duration(left)*time.Millisecond+settled).Before(rec.Expires) {
		return "forgets it before its deadline", nil
	}
	return "", nil
}

// settle looks at the record again. If it is there with its names, its sets should have had it.
func (c *checking) settle(rec *driver.Record, wrong []string) (problems []driver.Problem, err error) {
	now, err := c.s.fromPrimary(c.ctx, rec.ID)
	switch {
	case errors.Is(err, driver.ErrNotFound), unreadable(err), err == nil && now.Subject == "":
		return nil, nil
	case err != nil:
		return nil, err
	}
	if c.fix {
		err = c.s.index(c.ctx, opCheck, &now)
	}
	fixed := c.fix && err == nil
	if unreadable(err) { // nobody but an administrator may delete what is there
		err = nil
	}
	for _, what := range wrong {
		problems = append(problems, driver.Problem{ID: rec.ID, What: what, Fixed: fixed})
	}
	return problems, err
}
