package report

import (
	"cmp"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/coatcheck-go/coatcheck/bench/result"
)

var (
	accent = color.RGBA{0x0b, 0x7a, 0x75, 0xff}
	grey   = color.RGBA{0xb4, 0xba, 0xc2, 0xff}
	ink    = color.RGBA{0x30, 0x36, 0x3d, 0xff}
	pale   = color.RGBA{0xe4, 0xe7, 0xeb, 0xff}
	others = []color.RGBA{accent, {0xd9, 0x7b, 0x29, 0xff}, {0x6b, 0x72, 0x80, 0xff}}
)

// charted are the stores whose own cost is drawn.
var charted = []string{"memory", "cookie", "file"}

// draw makes all charts that there is something for.
func draw(dir string, s Suites) error {
	if s.Speed != nil {
		for _, store := range charted {
			if err := drawSpeed(filepath.Join(dir, "speed-"+store+".svg"), s.Speed.Rows, store); err != nil {
				return err
			}
		}
	}
	if s.Load != nil && len(s.Load.Rows) > 0 {
		if err := drawLoad(filepath.Join(dir, "load.svg"), s.Load.Rows); err != nil {
			return err
		}
	}
	if s.Scale != nil && len(s.Scale.Rows) > 0 {
		if err := drawGrowth(filepath.Join(dir, "scale-worst.svg"), s.Scale.Rows, "worst_read_ms", "worst read while half of the sessions are removed, ms"); err != nil {
			return err
		}
		return drawGrowth(filepath.Join(dir, "scale-read.svg"), s.Scale.Rows, "read_p50_us", "median read, µs")
	}
	return nil
}

// bar is one line of a bar chart.
type bar struct {
	label, text string
	value       float64
	ours        bool
}

func drawSpeed(file string, rows []result.Row, store string) error {
	var panels []*plot.Plot
	most := 0
	for _, c := range []struct{ name, what string }{{"C", "C: one value read"}, {"D", "D: one read, one written"}, {"E", "E: a new session"}} {
		var bars []bar
		for _, row := range rows {
			if row.Store == store && row.Case == c.name && row.Library != "" && row.Library != "raw" {
				x := max(row.Metrics["own_p10_ns"], 1)
				bars = append(bars, bar{who(row), ns(x), x / 1000, isOurs(row.Library)})
			}
		}
		if len(bars) == 0 {
			return nil
		}
		most = max(most, len(bars))
		panels = append(panels, barPanel(c.what+", own cost in µs", bars, true))
	}
	return save(file, panels, vg.Length(most)*18+60)
}

func drawLoad(file string, rows []result.Row) error {
	var panels []*plot.Plot
	most := 0
	for _, c := range []struct{ name, what string }{{"C", "C: one value read"}, {"D", "D: one read, one written"}} {
		var bars []bar
		for _, row := range rows {
			if row.Store == "memory" && row.Case == c.name && row.Library != "" {
				x := row.Metrics["of_bare"]
				bars = append(bars, bar{who(row), fmt.Sprintf("%.0f %%", 100*x), 100 * x, isOurs(row.Library)})
			}
		}
		if len(bars) == 0 {
			continue
		}
		most = max(most, len(bars))
		panels = append(panels, barPanel(c.what+", % of the bare framework's throughput", bars, false))
	}
	if panels == nil {
		return nil
	}
	return save(file, panels, vg.Length(most)*18+60)
}

// barPanel draws horizontal bars, the best on top.
func barPanel(title string, bars []bar, smallIsGood bool) *plot.Plot {
	slices.SortStableFunc(bars, func(a, b bar) int { // the first one is at the bottom
		if smallIsGood {
			return cmp.Compare(b.value, a.value)
		}
		return cmp.Compare(a.value, b.value)
	})
	p := newPlot(title)
	labels := make([]string, len(bars))
	largest := 0.0
	texts := plotter.XYLabels{}
	for i, b := range bars {
		labels[i] = b.label
		largest = max(largest, b.value)
		values := make(plotter.Values, len(bars))
		values[i] = b.value
		chart, err := plotter.NewBarChart(values, 12)
		if err != nil {
			continue
		}
		chart.Horizontal, chart.LineStyle.Width, chart.Color = true, 0, grey
		if b.ours {
			chart.Color = accent
		}
		p.Add(chart)
		texts.XYs = append(texts.XYs, plotter.XY{X: b.value, Y: float64(i)})
		texts.Labels = append(texts.Labels, " "+b.text)
	}
	if drawn, err := plotter.NewLabels(texts); err == nil {
		for i := range drawn.TextStyle {
			drawn.TextStyle[i].Font.Size, drawn.TextStyle[i].Color = 9, ink
			drawn.TextStyle[i].YAlign = vgdraw.YCenter
		}
		p.Add(drawn)
	}
	p.NominalY(labels...)
	p.Y.Tick.Label.Font.Size, p.Y.LineStyle.Width, p.Y.Tick.LineStyle.Width = 10, 0, 0
	p.X.Min, p.X.Max = 0, largest*1.25
	p.HideX()
	return p
}

func drawGrowth(file string, rows []result.Row, key, title string) error {
	p := newPlot(title)
	p.X.Label.Text = "sessions"
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = decades{}, decades{}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = pale, pale
	p.Add(grid)
	low, high := math.Inf(1), 0.0
	for i, name := range distinct(rows, func(row result.Row) string { return row.Library + ", " + row.Store }) {
		var points plotter.XYs
		for _, row := range rows {
			if y := row.Metrics[key]; row.Library+", "+row.Store == name && y > 0 {
				n, _ := strconv.ParseFloat(row.Case, 64)
				points = append(points, plotter.XY{X: n, Y: y})
				low, high = min(low, y), max(high, y)
			}
		}
		if len(points) == 0 {
			continue
		}
		line, dots, err := plotter.NewLinePoints(points)
		if err != nil {
			return err
		}
		line.Color, line.Width = others[i%len(others)], 2
		dots.Color, dots.Shape, dots.Radius = others[i%len(others)], vgdraw.CircleGlyph{}, 3
		p.Add(line, dots)
		p.Legend.Add(name, line, dots)
	}
	if high == 0 {
		return nil
	}
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	p.Legend.Top, p.Legend.Left, p.Legend.TextStyle.Font.Size = true, true, 10
	return save(file, []*plot.Plot{p}, 300)
}

// decades marks powers of ten in plain figures.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Floor(math.Log10(low)); e <= math.Ceil(math.Log10(high)); e++ {
		x := math.Pow(10, e)
		ticks = append(ticks, plot.Tick{Value: x, Label: strconv.FormatFloat(x, 'f', -1, 64)})
	}
	return ticks
}

func newPlot(title string) *plot.Plot {
	plot.DefaultFont = font.Font{Typeface: "Liberation", Variant: "Sans"}
	plotter.DefaultFont = plot.DefaultFont
	p := plot.New()
	p.Title.Text, p.Title.TextStyle.Font.Size, p.Title.TextStyle.Color, p.Title.Padding = title, 12, ink, 8
	p.BackgroundColor = color.White
	return p
}

// save draws the panels side by side.
func save(file string, panels []*plot.Plot, height vg.Length) error {
	width := vg.Length(340 * len(panels))
	if len(panels) == 1 {
		width = 560
	}
	canvas := vgsvg.New(width, height)
	dc := vgdraw.New(canvas)
	tiles := vgdraw.Tiles{Rows: 1, Cols: len(panels), PadX: 16, PadTop: 8, PadBottom: 8, PadLeft: 8, PadRight: 8}
	dc.SetColor(color.White)
	dc.Fill(dc.Rectangle.Path())
	for i, c := range plot.Align([][]*plot.Plot{panels}, tiles, dc)[0] {
		panels[i].Draw(c)
	}
	f, err := os.Create(file)
	if err != nil {
		return err
	}
	if _, err := canvas.WriteTo(f); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}
