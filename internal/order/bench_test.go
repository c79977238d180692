package order_test

import (
	"testing"

	"github.com/hpplink/hpplink/internal/order"
)

// BenchmarkIntake does what every order goes through on its way in.
func BenchmarkIntake(b *testing.B) {
	data := fixture(b, "gateway-example.json")
	b.ReportAllocs()
	for b.Loop() {
		o, err := order.Decode(data)
		if err != nil {
			b.Fatal(err)
		}
		o.Fingerprint()
		o.Fill(defaults)
		if err := o.Validate(); err != nil {
			b.Fatal(err)
		}
		o.Encode()
	}
}
