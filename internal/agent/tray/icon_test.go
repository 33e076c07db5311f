package tray

import (
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"math"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorlight/doorlight/presence"
)

var update = flag.Bool("update", false, "write the golden pictures anew")

var signNames = [signs]string{"unknown", "available", "be_right_back", "busy", "do_not_disturb", "unavailable", "logged_out"}

// Each sign is as it was when somebody last looked at it. go test -update draws the pictures anew.
func TestIconsAreAsTheyWere(t *testing.T) {
	t.Parallel()
	for s := range signs {
		for _, size := range []int{16, 32, 64} {
			path := filepath.Join("testdata", "icons", fmt.Sprintf("%s-%d.png", signNames[s], size))
			img := drawSign(s, size)
			if *update {
				var b bytes.Buffer
				if err := png.Encode(&b, img); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, b.Bytes(), 0o644); err != nil {
					t.Fatal(err)
				}
				continue
			}
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			want, err := png.Decode(f)
			f.Close()
			if err != nil {
				t.Fatalf("%s: %v", path, err)
			}
			if want.Bounds() != img.Bounds() {
				t.Fatalf("%s is %v, want %v", path, img.Bounds(), want.Bounds())
			}
			for i := range img.Pix {
				// Other processors round otherwise.
				got := color.NRGBAModel.Convert(want.At(i/4%size, i/4/size)).(color.NRGBA)
				if d := int([]uint8{got.R, got.G, got.B, got.A}[i%4]) - int(img.Pix[i]); got.A > 0 && (d > 4 || d < -4) {
					t.Fatalf("%s differs at %d, %d", path, i/4%size, i/4/size)
				}
			}
		}
	}
}

// on paints a sign on a panel of this grey, and returns how bright each pixel is, without colour.
func on(s sign, size int, panel uint8) []float64 {
	dst := image.NewNRGBA(image.Rect(0, 0, size, size))
	onGround(dst, color.NRGBA{panel, panel, panel, 0xff}, drawSign(s, size))
	var out []float64
	for i := 0; i < len(dst.Pix); i += 4 {
		out = append(out, luminance(dst.Pix[i], dst.Pix[i+1], dst.Pix[i+2]))
	}
	return out
}

func onGround(dst draw.Image, ground color.Color, img image.Image) {
	draw.Draw(dst, dst.Bounds(), image.NewUniform(ground), image.Point{}, draw.Src)
	draw.Draw(dst, dst.Bounds(), img, image.Point{}, draw.Over)
}

// luminance is that of WCAG 2.2, "relative luminance".
func luminance(r, g, b uint8) float64 {
	f := func(c uint8) float64 {
		v := float64(c) / 255
		if v <= 0.04045 {
			return v / 12.92
		}
		return math.Pow((v+0.055)/1.055, 2.4)
	}
	return 0.2126*f(r) + 0.7152*f(g) + 0.0722*f(b)
}

// Whoever sees no colours tells the statuses apart by their shape (P1): wherever two signs are laid over each other, many pixels differ much, on light and
// dark panels and in the smallest size too.
func TestShapesDifferWithoutColour(t *testing.T) {
	t.Parallel()
	// Each by its outline alone, in black where it is drawn: the sign's own ink apart from its fill, whatever their colours.
	mask := func(s sign, size int) []int {
		var out []int
		step := 16 / float64(size)
		for y := range size {
			for x := range size {
				c := s.at((float64(x)+0.5)*step, (float64(y)+0.5)*step)
				kind := 0 // nothing
				switch k := inks[s]; {
				case c == none:
				case c == k.sign && k.sign != k.fill && k.sign != k.edge, c == k.sign && s == signBusy:
					kind = 2
				default:
					kind = 1
				}
				out = append(out, kind)
			}
		}
		return out
	}
	for a := range signs {
		for b := range a {
			for _, size := range []int{16, 22, 32} {
				differ := 0
				ma, mb := mask(a, size), mask(b, size)
				for i := range ma {
					if ma[i] != mb[i] {
						differ++
					}
				}
				if share := float64(differ) / float64(size*size); share < 0.04 {
					t.Errorf("%s and %s have the same shape but for %.1f %% at %d pixels", signNames[a], signNames[b], 100*share, size)
				}
				for _, panel := range []uint8{0xf4, 0x22} {
					clear := 0
					ga, gb := on(a, size, panel), on(b, size, panel)
					for i := range ga {
						if contrast(ga[i], gb[i]) >= 1.5 {
							clear++
						}
					}
					if share := float64(clear) / float64(size*size); share < 0.04 {
						t.Errorf("%s and %s look alike without colour on #%02x at %d pixels: %.1f %%", signNames[a], signNames[b], panel, size, 100*share)
					}
				}
			}
		}
	}
}

func contrast(a, b float64) float64 { return (max(a, b) + 0.05) / (min(a, b) + 0.05) }

// Each sign is seen on a light and on a dark panel: something all around it has a contrast of 3:1 (WCAG 2.2, 1.4.11), be it the rim or the edge within.
func TestSignsAreSeenOnEveryPanel(t *testing.T) {
	t.Parallel()
	for s := range signs {
		for _, panel := range []uint8{0xff, 0xf4, 0x1f, 0x00} {
			ground := luminance(panel, panel, panel)
			for angle := range 72 {
				a := float64(angle) * 5 * math.Pi / 180
				best := 1.0
				for r := 3.0; r < 12; r += 0.1 {
					if c := s.at(8+r*math.Cos(a), 8+r*math.Sin(a)); c.A > 0 {
						best = max(best, contrast(luminance(c.R, c.G, c.B), ground))
					}
				}
				if best < 3 {
					t.Errorf("%s on #%02x has a contrast of %.2f at %d°", signNames[s], panel, best, angle*5)
					break
				}
			}
		}
	}
}

func TestEachStatusHasItsSign(t *testing.T) {
	t.Parallel()
	for _, s := range presence.Statuses() {
		if got := signNames[signOf(s)]; got != s.String() {
			t.Errorf("%s is drawn as %s", s, got)
		}
	}
}

// The icon of Windows is a file of several pictures, each with a mask.
func TestTheIconOfWindows(t *testing.T) {
	t.Parallel()
	for s := range signs {
		b := asICO(s)
		if n := binary.LittleEndian.Uint16(b[4:]); int(n) != len(icoSizes) || b[2] != 1 {
			t.Fatalf("%s has %d pictures of type %d", signNames[s], n, b[2])
		}
		end := 6 + 16*len(icoSizes)
		for i, size := range icoSizes {
			e := b[6+16*i:]
			length, start := int(binary.LittleEndian.Uint32(e[8:])), int(binary.LittleEndian.Uint32(e[12:]))
			if int(e[0]) != size || start != end || length != 40+4*size*size+(size+31)/32*4*size {
				t.Fatalf("%s: picture %d is %d wide, at %d of %d bytes", signNames[s], i, e[0], start, length)
			}
			end += length
			bmp, img := b[start:start+length], drawSign(s, size)
			for y := range size {
				for x := range size {
					c := img.NRGBAAt(x, y)
					at := 40 + 4*((size-1-y)*size+x)
					if got := (color.NRGBA{bmp[at+2], bmp[at+1], bmp[at], bmp[at+3]}); got != c {
						t.Fatalf("%s: pixel %d, %d is %v, want %v", signNames[s], x, y, got, c)
					}
				}
			}
		}
		if end != len(b) {
			t.Errorf("%s is %d long, want %d", signNames[s], len(b), end)
		}
	}
}
