package redisstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/redis/rueidis"

	"github.com/coatcheck-go/coatcheck/core/driver"
	"github.com/coatcheck-go/coatcheck/internal/inspect"
)

const opInspect = "redisstore: inspect"

// Inspect implements driver.Inspector. For each node it has the version, the role, the memory, the policy when that is
// full, the number of evicted keys, whether the node appends its writes to a file, and the clock. It sends INFO and
// TIME, and not CONFIG, for which a user may have no right. Without the right to INFO it knows the clock only.
func (s *Store) Inspect(ctx context.Context) (found []driver.Finding, err error) {
	nodes := s.client.Nodes()
	if len(nodes) == 0 { // a Cluster of which the client does not know the nodes
		return nil, oddReply(opInspect)
	}
	var errs []error
	for _, addr := range slices.Sorted(maps.Keys(nodes)) {
		of, err := s.inspectNode(ctx, addr+": ", nodes[addr])
		found = append(found, of...)
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", addr, err))
		}
	}
	if len(errs) > 0 {
		return found, s.unavailable(ctx, opInspect, errors.Join(errs...))
	}
	return found, nil
}

func (s *Store) inspectNode(ctx context.Context, addr string, node rueidis.Client) ([]driver.Finding, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	sent := s.now()
	replies := node.DoMulti(ctx, node.B().Arbitrary("INFO").Build().ToRetryable().Pin(), node.B().Time().Build().ToRetryable().Pin())
	received := s.now()
	info, err := replies[0].ToString()
	if _, refused := rueidis.IsRedisErr(err); err != nil && !refused {
		return nil, err
	}
	found := infoFindings(addr, info)
	if err != nil {
		found = append(found, driver.Finding{Name: addr + "INFO", Value: "refused", Warning: "the settings are not known: give the user the right +info"})
	}
	words, err := replies[1].AsStrSlice()
	if err != nil || len(words) != 2 {
		return found, errors.Join(errOddReply, err)
	}
	seconds, err1 := strconv.ParseInt(words[0], 10, 64)
	micros, err2 := strconv.ParseInt(words[1], 10, 64)
	if err := errors.Join(err1, err2); err != nil {
		return found, errors.Join(errOddReply, err)
	}
	return append(found, inspect.Clock(addr+"clock", time.Unix(seconds, micros*1000), 0, sent, received)), nil
}

// infoFindings are what INFO tells. What it does not have is left out.
func infoFindings(addr, info string) (found []driver.Finding) {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	add := func(name, value, warning string) {
		if value != "" {
			found = append(found, driver.Finding{Name: addr + name, Value: value, Warning: warning})
		}
	}
	add("version", fields["redis_version"], "")
	add("role", fields["role"], "")
	used, _ := strconv.ParseUint(fields["used_memory"], 10, 64)
	if limit, err := strconv.ParseUint(fields["maxmemory"], 10, 64); err == nil {
		memory, warning := inspect.Size(used)+", no maxmemory", ""
		if limit > 0 {
			memory = inspect.Size(used) + " of " + inspect.Size(limit)
		}
		if inspect.NearlyFull(used, limit) {
			warning = "a full Redis refuses sign-ins, or throws out sessions: raise maxmemory"
		}
		add("memory", memory, warning)
	}
	policy, warning := fields["maxmemory_policy"], ""
	if policy != "noeviction" && fields["maxmemory"] != "0" {
		warning = "a full Redis throws out live sessions: set maxmemory-policy to noeviction"
	}
	add("maxmemory-policy", policy, warning)
	evicted, warning := fields["evicted_keys"], ""
	if evicted != "0" {
		warning = "Redis has thrown out so many keys, sessions perhaps among them: raise maxmemory, and set maxmemory-policy to noeviction"
	}
	add("evicted keys", evicted, warning)
	add("appendonly", map[string]string{"0": "no", "1": "yes"}[fields["aof_enabled"]], "")
	return found
}
