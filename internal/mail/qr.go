package mail

import (
	"bytes"
	"image"
	"image/color"
	"image/png"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
)

const (
	maxQR     = 800 // bytes of a link: a code of more is too fine for a camera at this size
	quietZone = 4   // modules around the code, ISO/IEC 18004
	pixels    = 6   // a module's side
)

// qrImage returns the link as a PNG, black on white with its quiet zone, so that it can be read on dark pages too. It
// returns nil for a link that is too long.
func qrImage(link string) []byte {
	if len(link) > maxQR {
		return nil
	}
	code, err := qr.Encode(link, qr.M, qr.Auto)
	if err != nil {
		return nil
	}
	var out bytes.Buffer
	if png.Encode(&out, draw(code)) != nil {
		return nil
	}
	return out.Bytes()
}

func draw(code barcode.Barcode) image.Image {
	modules := code.Bounds().Dx()
	side := (modules + 2*quietZone) * pixels
	img := image.NewPaletted(image.Rect(0, 0, side, side), color.Palette{color.White, color.Black})
	for y := range modules {
		for x := range modules {
			if color.Gray16Model.Convert(code.At(x, y)) == color.Black {
				fill(img, (x+quietZone)*pixels, (y+quietZone)*pixels)
			}
		}
	}
	return img
}

// fill makes a module black.
func fill(img *image.Paletted, left, top int) {
	for y := range pixels {
		for x := range pixels {
			img.SetColorIndex(left+x, top+y, 1)
		}
	}
}
