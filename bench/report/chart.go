package report

import (
	"bytes"
	"fmt"
	"image/color"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"gonum.org/v1/plot"
	"gonum.org/v1/plot/font"
	"gonum.org/v1/plot/plotter"
	"gonum.org/v1/plot/vg"
	vgdraw "gonum.org/v1/plot/vg/draw"
	"gonum.org/v1/plot/vg/vgsvg"

	"github.com/coatcheck-go/coatcheck/bench/peer"
	"github.com/coatcheck-go/coatcheck/bench/result"
)

const width = 560 // points: what GitHub shows without making it smaller

var (
	accent = color.RGBA{0x0b, 0x7a, 0x75, 0xff}
	grey   = color.RGBA{0xb4, 0xba, 0xc2, 0xff}
	dark   = color.RGBA{0x6b, 0x72, 0x80, 0xff}
	ink    = color.RGBA{0x30, 0x36, 0x3d, 0xff}
	pale   = color.RGBA{0xe4, 0xe7, 0xeb, 0xff}
)

// dashes tell the lines of one colour apart.
var dashes = [][]vg.Length{nil, {6, 4}, {2, 3}}

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
		here, servers := byPlace(s.Scale.Rows)
		if err := drawGrowth(filepath.Join(dir, "scale-servers.svg"), servers, "read_p50_us", "median read of a server, µs, logarithmic"); err != nil {
			return err
		}
		if err := drawGrowth(filepath.Join(dir, "scale-worst.svg"), here, "worst_read_ms", "worst read while half of the sessions are removed, ms, logarithmic"); err != nil {
			return err
		}
		return drawGrowth(filepath.Join(dir, "scale-read.svg"), here, "read_p50_us", "median read, µs, logarithmic")
	}
	return nil
}

func drawSpeed(file string, rows []result.Row, store string) error {
	var panels []panel
	for _, c := range []struct{ name, what string }{{"C", "C: one value read"}, {"D", "D: one read, one written"}, {"E", "E: a new session"}} {
		p := panel{title: c.what}
		for _, row := range rows {
			switch {
			case row.Case != c.name || peer.IsFloor(row.Library):
			case row.Library == "" && row.Framework == "net/http":
				p.bare = row.Metrics["p10_ns"] / 1000
			case row.Store == store && row.Library != "":
				x := max(row.Metrics["own_p10_ns"], 1)
				p.bars = append(p.bars, bar{who(row), ns(x), x / 1000, isOurs(row.Library)})
			}
		}
		panels = append(panels, p)
	}
	return drawBars(file, panels, "own cost in µs, logarithmic; dashed: the whole request on bare net/http", true)
}

func drawLoad(file string, rows []result.Row) error {
	var panels []panel
	for _, c := range []struct{ name, what string }{{"C", "C: one value read"}, {"D", "D: one read, one written"}} {
		p := panel{title: c.what, bare: 100}
		for _, row := range rows {
			if row.Store == "memory" && row.Case == c.name && row.Library != "" {
				x := 100 * row.Metrics["of_bare"]
				p.bars = append(p.bars, bar{who(row), fmt.Sprintf("%.0f %%", x), x, isOurs(row.Library)})
			}
		}
		panels = append(panels, p)
	}
	return drawBars(file, panels, "throughput in % of the bare framework's (dashed), sessions in memory", false)
}

// byPlace separates what is in this process or its files from what is on a server.
func byPlace(rows []result.Row) (here, servers []result.Row) {
	for _, row := range rows {
		if row.Store == "memory" || row.Store == "file" {
			here = append(here, row)
		} else {
			servers = append(servers, row)
		}
	}
	return here, servers
}

func drawGrowth(file string, rows []result.Row, key, title string) error {
	p := newPlot(title)
	p.X.Scale, p.Y.Scale = plot.LogScale{}, plot.LogScale{}
	p.X.Tick.Marker, p.Y.Tick.Marker = decades{}, decades{}
	grid := plotter.NewGrid()
	grid.Horizontal.Color, grid.Vertical.Color = pale, pale
	p.Add(grid)
	low, high := math.Inf(1), 0.0
	var ours, peers int
	for _, name := range distinct(rows, func(row result.Row) string { return row.Library + ", " + row.Store }) {
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
		line.Width, dots.Shape, dots.Radius = 2, vgdraw.CircleGlyph{}, 3
		if isOurs(strings.Split(name, ",")[0]) {
			line.Color, line.Dashes = accent, dashes[ours%len(dashes)]
			ours++
		} else {
			line.Color, line.Dashes = dark, dashes[peers%len(dashes)]
			peers++
		}
		dots.Color = line.Color
		p.Add(line, dots)
		p.Legend.Add(name, line, dots)
	}
	if high == 0 {
		return nil
	}
	p.Y.Min, p.Y.Max = math.Pow(10, math.Floor(math.Log10(low))), math.Pow(10, math.Ceil(math.Log10(high)))
	p.Legend.Top, p.Legend.Left, p.Legend.TextStyle.Font.Size = true, true, 10
	p.Legend.Padding, p.Legend.ThumbnailWidth, p.Legend.XOffs = 4, 32, 8
	p.Y.Max *= 3 // room for the legend
	for _, axis := range []*plot.Axis{&p.X, &p.Y} {
		axis.LineStyle.Color, axis.Tick.LineStyle.Color, axis.Tick.Label.Color, axis.Tick.Label.Font.Size = grey, grey, ink, 10
	}
	return save(file, []*plot.Plot{p}, 300, "sessions")
}

// decades marks powers of ten in plain figures.
type decades struct{}

func (decades) Ticks(low, high float64) []plot.Tick {
	var ticks []plot.Tick
	for e := math.Round(math.Log10(low)); e <= math.Log10(high)+1e-9; e++ { // those beyond high would take room
		x := math.Pow(10, e)
		ticks = append(ticks, plot.Tick{Value: x, Label: thousands(strconv.FormatFloat(x, 'f', -1, 64))})
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

// save draws the panels, which have one width, below one another, over a caption.
func save(file string, panels []*plot.Plot, height vg.Length, caption string) error {
	canvas := vgsvg.New(width, height)
	dc := vgdraw.New(canvas)
	dc.SetColor(color.White)
	dc.Fill(dc.Rectangle.Path())
	tiles := vgdraw.Tiles{Rows: len(panels), Cols: 1, PadY: 12, PadTop: 10, PadBottom: 24, PadLeft: 8, PadRight: 12}
	for i, p := range panels {
		p.Draw(tiles.At(dc, 0, i))
	}
	// gonum makes a plot narrower whose axis has a label this long.
	dc.FillText(vgdraw.TextStyle{
		Color: ink, Font: font.From(plot.DefaultFont, 10), Handler: plot.DefaultTextHandler, XAlign: vgdraw.XCenter,
	}, vg.Point{X: width / 2, Y: 9}, caption)
	var svg bytes.Buffer
	if _, err := canvas.WriteTo(&svg); err != nil {
		return err
	}
	// Liberation is hardly anywhere but on Linux.
	text := strings.ReplaceAll(svg.String(), "font-family:Liberation Sans", "font-family:Liberation Sans,Arial,Helvetica,sans-serif")
	return os.WriteFile(file, []byte(text), 0o644)
}
