package main

import (
	"cmp"
	"container/heap"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/spf13/cobra"

	"github.com/coatcheck-go/coatcheck/core"
)

// largest keeps the n largest sessions: a heap with the smallest of them on top.
type largest []session

func (l largest) Len() int           { return len(l) }
func (l largest) Less(i, j int) bool { return l[i].Bytes < l[j].Bytes }
func (l largest) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }
func (l *largest) Push(s any)        { *l = append(*l, s.(session)) }
func (l *largest) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

func (l *largest) add(s session, n int) {
	if len(*l) == n && s.Bytes <= (*l)[0].Bytes {
		return
	}
	s.KeyBytes = maps.Clone(s.KeyBytes)
	if heap.Push(l, s); len(*l) > n {
		heap.Pop(l)
	}
}

// keyTotal is what the values under one key take in all sessions.
type keyTotal struct {
	Key      string `json:"key"`
	Sessions int    `json:"sessions"`
	Bytes    int64  `json:"bytes"`
	Largest  int    `json:"largest_bytes"`
}

// maxKeys bounds the names of keys that are counted one by one: an application may make up names.
const maxKeys = 10_000

type keyTotals map[string]*keyTotal

func (k keyTotals) add(s session) {
	for key, n := range s.KeyBytes {
		total := k[key]
		if total == nil {
			if len(k) >= maxKeys {
				key = "(others)"
			}
			if total = k[key]; total == nil {
				total = &keyTotal{Key: key}
				k[key] = total
			}
		}
		total.Sessions++
		total.Bytes += int64(n)
		total.Largest = max(total.Largest, n)
	}
}

func (a *app) top() *cobra.Command {
	var n int
	c := &cobra.Command{
		Use: "top", Short: "Show the largest sessions, and the keys that take most", Args: cobra.NoArgs,
		Long: "top reads every session once, in constant memory. It needs a store that can list.",
	}
	c.Flags().IntVarP(&n, "limit", "n", 10, "how many sessions and keys")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if n < 1 || n > 10_000 {
			return usagef("--limit is 1 to 10000")
		}
		m, err := a.open(c.Context())
		if err != nil {
			return err
		}
		sessions := largest{}
		totals := keyTotals{}
		err = a.each(c.Context(), m, "reading", func(s *core.Session) {
			one := describe(s)
			sessions.add(one, n)
			totals.add(one)
		})
		if err != nil {
			return err
		}
		if len(sessions) == 0 && a.unread.Load() == 0 {
			a.noneHere(m)
		}
		return a.printTop(sessions, totals, n)
	}
	return c
}

func (a *app) printTop(sessions largest, totals keyTotals, n int) error {
	slices.SortFunc(sessions, func(x, y session) int { return cmp.Compare(y.Bytes, x.Bytes) })
	keys := slices.SortedFunc(maps.Values(totals), func(x, y *keyTotal) int {
		return cmp.Or(cmp.Compare(y.Bytes, x.Bytes), cmp.Compare(x.Key, y.Key))
	})
	keys = append([]*keyTotal{}, keys[:min(n, len(keys))]...) // [] in JSON, and not null
	err := a.print(map[string]any{"sessions": sessions, "keys": keys}, func(w io.Writer) {
		fmt.Fprintln(w, "SIZE\tSESSION\tUSER")
		for _, s := range sessions {
			fmt.Fprintf(w, "%s\t%s\t%s\n", size(int64(s.Bytes)), s.ID, orDash(s.User))
		}
		fmt.Fprintln(w, "\nALL TOGETHER\tKEY\tIN SESSIONS\tLARGEST")
		for _, k := range keys {
			fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", size(k.Bytes), plain(k.Key), k.Sessions, size(int64(k.Largest)))
		}
	})
	if err != nil {
		return err
	}
	return a.notRead()
}
