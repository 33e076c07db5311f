package tray

import (
	"bytes"
	"encoding/binary"
	"image"
	"image/color"
	"image/png"
	"math"
	"sync"

	"github.com/doorlight/doorlight/presence"
)

// sign is what the icon shows.
type sign int

const (
	signUnknown sign = iota // not connected, or not signed in
	signAvailable
	signBeRightBack
	signBusy
	signDoNotDisturb
	signUnavailable
	signLoggedOut
	signs // how many there are
)

func signOf(s presence.Status) sign {
	switch s {
	case presence.Available:
		return signAvailable
	case presence.BeRightBack:
		return signBeRightBack
	case presence.Busy:
		return signBusy
	case presence.DoNotDisturb:
		return signDoNotDisturb
	case presence.Unavailable:
		return signUnavailable
	}
	return signLoggedOut
}

// ink is the colours of a sign: those of the web client on light ground (web/src/lib/palette.ts).
type ink struct{ fill, edge, sign color.NRGBA }

func rgb(c uint32) color.NRGBA {
	return color.NRGBA{R: uint8(c >> 16), G: uint8(c >> 8), B: uint8(c), A: 0xff}
}

var (
	white = rgb(0xffffff)
	none  color.NRGBA

	inks = [signs]ink{
		signUnknown:      {rgb(0x454b49), rgb(0x454b49), white},
		signAvailable:    {rgb(0x13803c), rgb(0x13803c), white},
		signBeRightBack:  {rgb(0xffd23e), rgb(0x7d5a00), rgb(0x4a3500)},
		signBusy:         {white, rgb(0xc4262e), rgb(0xc4262e)},
		signDoNotDisturb: {rgb(0xb8141d), rgb(0xb8141d), white},
		signUnavailable:  {rgb(0x686f6c), rgb(0x686f6c), rgb(0x686f6c)},
		signLoggedOut:    {none, rgb(0x686f6c), none},
	}
)

// at is the colour of a point of a sign, which is 16 wide and high. The shapes are those of the web client (web/src/ui/StatusShape.tsx): tick, clock, hatching,
// bar, filled and hollow. A white rim sets them off from dark panels, and the edge within from light ones.
func (s sign) at(x, y float64) color.NRGBA {
	const rim, edge, inner = 7.9, 7.0, 5.4
	c := inks[s]
	if s == signUnknown {
		return unknownAt(c, x, y)
	}
	switch r := math.Hypot(x-8, y-8); {
	case r > rim:
		return none
	case r > edge:
		return white
	case s == signLoggedOut && r < 4.0:
		return none
	case s == signLoggedOut && r < 4.6:
		return white
	case s == signLoggedOut || r > inner:
		return c.edge
	}
	var on bool
	switch s {
	case signAvailable:
		on = near(x, y, 4.6, 8.3, 7, 10.7, 1.0) || near(x, y, 7, 10.7, 11.6, 5.7, 1.0)
	case signBeRightBack:
		on = near(x, y, 8, 4.2, 8, 8, 0.9) || near(x, y, 8, 8, 10.7, 10, 0.9)
	case signBusy:
		across := (x - 8 + y - 8) / math.Sqrt2
		for _, line := range []float64{-3.8, 0, 3.8} {
			on = on || math.Abs(across-line) < 0.95
		}
	case signDoNotDisturb:
		on = near(x, y, 4.6, 8, 11.4, 8, 1.2)
	}
	if on {
		return c.sign
	}
	return c.fill
}

// unknownAt is a triangle with an exclamation mark: no status has that outline.
func unknownAt(c ink, x, y float64) color.NRGBA {
	// The distance to the nearest of three sides, positive inside.
	const slope = 1.85 // of the sides: height over half the width
	length := math.Hypot(slope, 1)
	left := (slope*(x-8) + y) / length
	right := (-slope*(x-8) + y) / length
	switch d := min(left, right, 15.2-y); {
	case d < 0:
		return none
	case d < 0.8:
		return white
	}
	if near(x, y, 8, 6, 8, 9.6, 0.95) || near(x, y, 8, 12.4, 8, 12.4, 1.05) {
		return c.sign
	}
	return c.fill
}

// near reports whether a point is within d of a line between two others.
func near(x, y, x1, y1, x2, y2, d float64) bool {
	dx, dy := x2-x1, y2-y1
	t := 0.0
	if l := dx*dx + dy*dy; l > 0 {
		t = max(0, min(1, ((x-x1)*dx+(y-y1)*dy)/l))
	}
	return math.Hypot(x-x1-t*dx, y-y1-t*dy) <= d
}

// drawSign draws a sign, size pixels wide and high, with smooth edges.
func drawSign(s sign, size int) *image.NRGBA {
	const fine = 8 // points a pixel, each way
	img := image.NewNRGBA(image.Rect(0, 0, size, size))
	step := 16 / float64(size*fine)
	for py := range size {
		for px := range size {
			var r, g, b, n int
			for i := range fine * fine {
				c := s.at((float64(px*fine+i%fine)+0.5)*step, (float64(py*fine+i/fine)+0.5)*step)
				if c.A != 0 {
					r, g, b, n = r+int(c.R), g+int(c.G), b+int(c.B), n+1
				}
			}
			if n > 0 {
				img.SetNRGBA(px, py, color.NRGBA{uint8(r / n), uint8(g / n), uint8(b / n), uint8(n * 255 / (fine * fine))})
			}
		}
	}
	return img
}

// drawings keeps what was drawn: there are few.
var drawings = struct {
	sync.Mutex
	m map[drawing]any
}{m: map[drawing]any{}}

type drawing struct {
	sign sign
	kind string
}

func once[T any](s sign, kind string, f func() T) T {
	drawings.Lock()
	defer drawings.Unlock()
	k := drawing{s, kind}
	if v, ok := drawings.m[k]; ok {
		return v.(T)
	}
	v := f()
	drawings.m[k] = v
	return v
}

// asPNG is a small picture of a sign, for a menu.
func asPNG(s sign) []byte {
	return once(s, "png", func() []byte {
		var b bytes.Buffer
		if err := png.Encode(&b, drawSign(s, 16)); err != nil {
			panic(err) // of a buffer it is impossible
		}
		return b.Bytes()
	})
}

// icoSizes are what Windows shows at 100, 125, 150, 200 and 300 %.
var icoSizes = []int{16, 20, 24, 32, 48}

// asICO is a sign in the format of Windows, in several sizes.
func asICO(s sign) []byte {
	return once(s, "ico", func() []byte {
		var head, body bytes.Buffer
		put := func(b *bytes.Buffer, values ...any) {
			for _, v := range values {
				binary.Write(b, binary.LittleEndian, v)
			}
		}
		put(&head, uint16(0), uint16(1), uint16(len(icoSizes)))
		for _, size := range icoSizes {
			img := drawSign(s, size)
			start := body.Len()
			// BITMAPINFOHEADER; the height counts the mask too, and rows go upwards.
			put(&body, uint32(40), int32(size), int32(2*size), uint16(1), uint16(32), uint32(0), uint32(0), int32(0), int32(0), uint32(0), uint32(0))
			for y := size - 1; y >= 0; y-- {
				for x := range size {
					c := img.NRGBAAt(x, y)
					body.Write([]byte{c.B, c.G, c.R, c.A})
				}
			}
			for y := size - 1; y >= 0; y-- { // the mask: where nothing is shown; each row fills 32 bits
				row := make([]byte, (size+31)/32*4)
				for x := range size {
					if img.NRGBAAt(x, y).A == 0 {
						row[x/8] |= 0x80 >> (x % 8)
					}
				}
				body.Write(row)
			}
			put(&head, uint8(size), uint8(size), uint8(0), uint8(0), uint16(1), uint16(32), uint32(body.Len()-start), uint32(6+16*len(icoSizes)+start))
		}
		return append(head.Bytes(), body.Bytes()...)
	})
}
