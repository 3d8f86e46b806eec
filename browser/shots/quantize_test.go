package main

import (
	"bytes"
	"image"
	"image/color"
	"image/png"
	"testing"
)

func encode(t *testing.T, m image.Image) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := png.Encode(&b, m); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// quantized gives the picture that quantize makes of one, and how far its worst
// pixel is off in the sum of its channels.
func quantized(t *testing.T, m image.Image) (image.Image, int) {
	t.Helper()
	small, err := quantize(encode(t, m))
	if err != nil {
		t.Fatal(err)
	}
	got, err := png.Decode(bytes.NewReader(small))
	if err != nil {
		t.Fatal(err)
	}
	worst := 0
	for y := range m.Bounds().Dy() {
		for x := range m.Bounds().Dx() {
			a, b := rgba(m.At(x, y)), rgba(got.At(x, y))
			off := 0
			for _, d := range []int{int(a.R) - int(b.R), int(a.G) - int(b.G), int(a.B) - int(b.B)} {
				off += max(d, -d)
			}
			worst = max(worst, off)
		}
	}
	return got, worst
}

func TestFewColoursAreKept(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 64, 64))
	for i := range 64 * 64 {
		m.SetRGBA(i%64, i/64, color.RGBA{uint8(i % 7 * 31), 40, 200, 255})
	}
	if _, worst := quantized(t, m); worst != 0 {
		t.Errorf("a colour of seven is off by %d", worst)
	}
}

func TestManyColoursBecome256(t *testing.T) {
	m := image.NewRGBA(image.Rect(0, 0, 200, 200))
	for i := range 200 * 200 {
		m.SetRGBA(i%200, i/200, color.RGBA{uint8(i % 200), uint8(i / 200), 90, 255})
	}
	got, worst := quantized(t, m)
	if p, ok := got.(*image.Paletted); !ok || len(p.Palette) > 256 {
		t.Errorf("it is a %T", got)
	}
	if worst > 60 {
		t.Errorf("a colour is off by %d", worst)
	}
}

func TestNoPicture(t *testing.T) {
	if _, err := quantize([]byte("no picture")); err == nil {
		t.Error("what is no picture is taken for one")
	}
}
