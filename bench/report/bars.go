package report

import (
	"cmp"
	"math"
	"slices"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
)

// panel is the bars of one case.
type panel struct {
	title string
	bare  float64 // a dashed line; none if 0
	bars  []bar
}

// bar is one line of a bar chart.
type bar struct {
	label, text string
	value       float64
	ours        bool
}

// drawBars draws the panels on one scale, the best bar of each on top; logarithmic where small is
// good, since own costs differ by powers of ten.
func drawBars(file string, panels []panel, caption string, costs bool) error {
	panels = slices.DeleteFunc(panels, func(p panel) bool { return len(p.bars) == 0 })
	if len(panels) == 0 {
		return nil
	}
	most, low, high := 0, math.Inf(1), 0.0
	for _, p := range panels {
		most = max(most, len(p.bars))
		high = max(high, p.bare)
		if p.bare > 0 {
			low = min(low, p.bare)
		}
		for _, b := range p.bars {
			low, high = min(low, b.value), max(high, b.value)
		}
	}
	low, right := math.Pow(10, math.Floor(math.Log10(low))), high*4
	if !costs {
		low, right = 0, high*1.1
	}
	var plots []*plot.Plot
	for _, p := range panels {
		slices.SortStableFunc(p.bars, func(a, b bar) int { // the first one is at the bottom
			if costs {
				return cmp.Compare(b.value, a.value)
			}
			return cmp.Compare(a.value, b.value)
		})
		drawn := newPlot(p.title)
		if costs {
			drawn.X.Scale, drawn.X.Tick.Marker = plot.LogScale{}, decades{}
		}
		labels := make([]string, len(p.bars))
		for i, b := range p.bars {
			labels[i] = b.label
		}
		drawn.Add(p)
		drawn.NominalY(labels...)
		drawn.Y.Tick.Label.Font.Size, drawn.Y.LineStyle.Width, drawn.Y.Tick.LineStyle.Width = 10, 0, 0
		drawn.X.Min, drawn.X.Max, drawn.Y.Min, drawn.Y.Max = low, right, -.6, float64(len(p.bars))-.4
		drawn.X.LineStyle.Color, drawn.X.Tick.LineStyle.Color, drawn.X.Tick.Label.Color = grey, grey, ink
		drawn.X.Tick.Label.Font.Size = 9
		plots = append(plots, drawn)
	}
	return save(file, plots, vg.Length(len(panels)*(most*17+50)+30), caption)
}

// Plot implements plot.Plotter. gonum's own bars begin at zero, where a logarithmic axis cannot.
func (p panel) Plot(c vgdraw.Canvas, drawn *plot.Plot) {
	x, y := drawn.Transforms(&c)
	for _, tick := range drawn.X.Tick.Marker.Ticks(drawn.X.Min, drawn.X.Max) {
		if tick.Label != "" && tick.Value >= drawn.X.Min && tick.Value <= drawn.X.Max {
			c.StrokeLine2(vgdraw.LineStyle{Color: pale, Width: .8}, x(tick.Value), c.Min.Y, x(tick.Value), c.Max.Y)
		}
	}
	style := vgdraw.TextStyle{
		Color: ink, Font: font.From(plot.DefaultFont, 10), Handler: plot.DefaultTextHandler, YAlign: vgdraw.YCenter,
	}
	for i, b := range p.bars {
		color := grey
		if b.ours {
			color = accent
		}
		left, right, middle := c.Min.X, x(b.value), y(float64(i))
		c.FillPolygon(color, []vg.Point{{X: left, Y: middle - 6}, {X: right, Y: middle - 6}, {X: right, Y: middle + 6}, {X: left, Y: middle + 6}})
		c.FillText(style, vg.Point{X: right + 4, Y: middle + 1}, b.text)
	}
	if p.bare > 0 {
		line := vgdraw.LineStyle{Color: ink, Width: 1, Dashes: []vg.Length{4, 3}}
		c.StrokeLine2(line, x(p.bare), c.Min.Y, x(p.bare), c.Max.Y)
	}
}

var _ plot.Plotter = panel{}
