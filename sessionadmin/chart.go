package sessionadmin

import (
	"fmt"
	"math"
	"strings"
)

// chart is one small chart of the last hour, a bar for each minute. Its words say what the bars show.
type chart struct {
	Title string
	Total string // since the start of the process
	Peak  string // of a minute
	Path  string // of the bars, in a box of 600 x 60
}

const (
	chartHeight = 60
	barStep     = 10 // 60 of them are the width of the box
)

// charts are those of the overview.
func charts(r *Report) []chart {
	count := func(title string, of func(*Counts) int64) chart {
		values := each(r, func(c *Counts) float64 { return float64(of(c)) })
		peak := fmt.Sprintf("at most %s a minute", number(int64(highest(values))))
		return chart{title, number(of(&r.Total)), peak, bars(values)}
	}
	mean := each(r, func(c *Counts) float64 { return 1000 * c.mean() })
	slowest := each(r, func(c *Counts) float64 { return 1000 * c.Slowest })
	return []chart{
		count("Lookups of sessions", func(c *Counts) int64 { return c.Loads }),
		count("Failed calls of the store", func(c *Counts) int64 { return c.Failures }),
		count("Sign-ins", func(c *Counts) int64 { return c.Logins }),
		count("Sessions ended", func(c *Counts) int64 { return c.Ends }),
		count("Changes applied again", func(c *Counts) int64 { return c.Conflicts }),
		count("Unknown tokens", func(c *Counts) int64 { return c.Unknown }),
		{"Mean time of a call", millis(1000 * r.Total.mean()), "at most " + millis(highest(mean)) + " in a minute", bars(mean)},
		{"Slowest call", millis(1000 * r.Total.Slowest), "at most " + millis(highest(slowest)) + " in the last hour", bars(slowest)},
	}
}

// mean is the seconds that a call took.
func (c *Counts) mean() float64 { return c.Seconds / math.Max(1, float64(c.Calls)) }

func each(r *Report, of func(*Counts) float64) []float64 {
	values := make([]float64, len(r.Minutes))
	for i := range r.Minutes {
		values[i] = of(&r.Minutes[i].Counts)
	}
	return values
}

func highest(values []float64) (most float64) {
	for _, v := range values {
		most = math.Max(most, v)
	}
	return most
}

// bars draws values from the right, where the present minute is. What is not 0 is never invisible.
func bars(values []float64) string {
	most := highest(values)
	var b strings.Builder
	for i, v := range values {
		if v > 0 {
			height := math.Max(2, math.Round(v/most*chartHeight))
			fmt.Fprintf(&b, "M%d %dv-%gh%dv%gz", barStep*(60-len(values)+i), chartHeight, height, barStep-2, height)
		}
	}
	return b.String()
}

// number writes n with a comma after each third digit.
func number(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func millis(ms float64) string {
	if ms >= 100 {
		return number(int64(math.Round(ms))) + " ms"
	}
	return fmt.Sprintf("%.2g ms", ms)
}
