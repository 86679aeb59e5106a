package shop

import (
	"fmt"
	"strconv"
)

// maxQuantity is how many of one product a cart takes.
const maxQuantity = 20

// Cents is an amount of money.
type Cents int

// String writes the amount with its currency.
func (c Cents) String() string { return fmt.Sprintf("€%d.%02d", c/100, c%100) }

// Product is one thing to buy.
type Product struct {
	SKU, Name, About string
	Price            Cents
	Icon             string // path data of an SVG of 48 by 48
}

// Products is everything on sale.
var Products = []Product{
	{"coat", "Wool coat", "Warm to the knee, with a loop that holds.", 18900,
		"M18 6 24 11 30 6 39 11 43 30 37 32 35 24 35 43 13 43 13 24 11 32 5 30 9 11ZM24 11V43M28 20v.1M28 27v.1M28 34v.1M17 31h4"},
	{"hat", "Felt hat", "Keeps its shape on any shelf.", 6450,
		"M13 31C13 19 14 10 19 10 22 10 22 13 24 13 26 13 26 10 29 10 34 10 35 19 35 31M13 26C20 29 28 29 35 26M13 30C8 29 5 30 5 32 5 36 14 38 24 38S43 36 43 32C43 30 40 29 35 30"},
	{"umbrella", "Umbrella", "Opens in one go, closes in two.", 3200,
		"M24 5V9M5 27C5 16 13 9 24 9S43 16 43 27C40 23 34 23 31 27 29 23 19 23 17 27 14 23 8 23 5 27ZM24 24V38C24 44 15 44 15 38"},
	{"scarf", "Scarf", "Two metres of soft merino.", 4100,
		"M15 7C19 11 29 11 33 7L37 13C31 19 17 19 11 13ZM20 17 15 41 25 41 27 18M27 24 33 36 25 39M18 41v3M22 41v3"},
	{"gloves", "Gloves", "A left one and a right one.", 2750,
		"M16 43V32L9 24C7 21 10 18 13 20L16 23V11C16 8 20 8 20 11V20 8C20 5 24 5 24 8V20 8C24 5 28 5 28 8V20 11C28 8 32 8 32 11V43ZM16 37H32"},
	{"boots", "Rain boots", "For puddles of up to 30 cm.", 5900,
		"M15 5H29V27L39 32C42 33 43 36 43 39H15ZM13 39H43V43H13ZM15 11H29M15 5V39"},
}

// Find returns the product with this SKU.
func Find(sku string) (Product, bool) {
	for _, p := range Products {
		if p.SKU == sku {
			return p, true
		}
	}
	return Product{}, false
}

// Items is the cart as the session keeps it: SKU to quantity. It has no prices, since the shop sets them.
type Items map[string]int

// Add returns i with one more of p.
func (i Items) Add(p Product) Items { return i.set(p, i[p.SKU]+1) }

// Set returns i with the quantity that a form has sent. A quantity of zero or less removes the product. An unknown
// product, or a quantity that is no number, changes nothing.
func (i Items) Set(sku, quantity string) Items {
	p, found := Find(sku)
	n, err := strconv.Atoi(quantity)
	if !found || err != nil {
		return i
	}
	return i.set(p, n)
}

func (i Items) set(p Product, n int) Items {
	if i == nil {
		i = Items{}
	}
	i[p.SKU] = min(n, maxQuantity)
	if n <= 0 {
		delete(i, p.SKU)
	}
	return i
}

// Line is a product in a cart.
type Line struct {
	Product
	Quantity int
}

// Sum is the price of the whole line.
func (l Line) Sum() Cents { return l.Price * Cents(l.Quantity) }

// Lines returns the cart in the order of Products, without what is no longer on sale.
func (i Items) Lines() []Line {
	var lines []Line
	for _, p := range Products {
		if n := i[p.SKU]; n > 0 {
			lines = append(lines, Line{p, n})
		}
	}
	return lines
}

// Total is the price of everything.
func (i Items) Total() Cents {
	var sum Cents
	for _, l := range i.Lines() {
		sum += l.Sum()
	}
	return sum
}

// Count is the number of things in the cart.
func (i Items) Count() int {
	n := 0
	for _, l := range i.Lines() {
		n += l.Quantity
	}
	return n
}
