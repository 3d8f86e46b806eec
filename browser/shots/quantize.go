package main

import (
	"bytes"
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"slices"
)

// quantize gives a picture with at most 256 colours, which is a third of the
// size: a page has few, and the shades of the edges of its letters.
func quantize(picture []byte) ([]byte, error) {
	full, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		return nil, fmt.Errorf("decode the picture: %w", err)
	}
	small := reduce(full)
	var b bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	if err := encoder.Encode(&b, small); err != nil {
		return nil, fmt.Errorf("encode the picture: %w", err)
	}
	return b.Bytes(), nil
}

// bin is a box of similar colours: 5 bits of each channel.
type bin uint16

// sum adds up the colours of a bin.
type sum struct {
	bin        bin
	r, g, b, n int
}

func binOf(c color.RGBA) bin { return bin(c.R>>3)<<10 | bin(c.G>>3)<<5 | bin(c.B>>3) }

// reduce gives the picture in the mean colours of its 256 commonest bins; those
// of the others become the nearest of them.
func reduce(full image.Image) *image.Paletted {
	bounds := full.Bounds()
	exact := map[color.RGBA]int{}
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			exact[rgba(full.At(x, y))]++
		}
	}
	palette := mean(exact)
	index := map[color.RGBA]uint8{}
	for c := range exact {
		index[c] = uint8(palette.Index(c))
	}
	small := image.NewPaletted(bounds, palette)
	for y := bounds.Min.Y; y < bounds.Max.Y; y++ {
		for x := bounds.Min.X; x < bounds.Max.X; x++ {
			small.SetColorIndex(x, y, index[rgba(full.At(x, y))])
		}
	}
	return small
}

// mean gives the palette. The commonest colours, which are those of surfaces,
// are kept exactly.
func mean(exact map[color.RGBA]int) color.Palette {
	const surfaces, most = 24, 256
	colours := make([]color.RGBA, 0, len(exact))
	for c := range exact {
		colours = append(colours, c)
	}
	slices.SortFunc(colours, func(a, b color.RGBA) int { // the same picture gives the same file
		return cmp.Or(exact[b]-exact[a], int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B))
	})
	var palette color.Palette
	sums := map[bin]*sum{}
	for i, c := range colours {
		if i < surfaces {
			palette = append(palette, c)
			continue
		}
		s := sums[binOf(c)]
		if s == nil {
			s = &sum{bin: binOf(c)}
			sums[s.bin] = s
		}
		n := exact[c]
		s.r, s.g, s.b, s.n = s.r+int(c.R)*n, s.g+int(c.G)*n, s.b+int(c.B)*n, s.n+n
	}
	bins := make([]*sum, 0, len(sums))
	for _, s := range sums {
		bins = append(bins, s)
	}
	slices.SortFunc(bins, func(a, b *sum) int {
		if a.n != b.n {
			return b.n - a.n
		}
		return cmp.Compare(scattered(a.bin), scattered(b.bin))
	})
	for _, s := range bins[:min(len(bins), most-len(palette))] {
		palette = append(palette, color.RGBA{uint8(s.r / s.n), uint8(s.g / s.n), uint8(s.b / s.n), 255})
	}
	return palette
}

// scattered is an order in which neighbours are far apart, so that of bins that
// are as common as each other no corner is left without a colour.
func scattered(b bin) uint16 { return uint16(b) * 40503 }

func rgba(c color.Color) color.RGBA { return color.RGBAModel.Convert(c).(color.RGBA) }
