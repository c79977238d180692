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

// BenchmarkDecodeStored reads what every attempt finds in the ledger.
func BenchmarkDecodeStored(b *testing.B) {
	data := decode(b, fixture(b, "gateway-example.json")).Encode()
	b.ReportAllocs()
	for b.Loop() {
		if o, err := order.Decode(data); err != nil || o.FormError() != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeReference(b *testing.B) {
	data := decode(b, fixture(b, "gateway-example.json")).Key().Reference()
	b.ReportAllocs()
	for b.Loop() {
		if _, ok := order.DecodeReference(data); !ok {
			b.Fatal("not read")
		}
	}
}

func BenchmarkFingerprint(b *testing.B) {
	o := decode(b, fixture(b, "gateway-example.json"))
	b.ReportAllocs()
	for b.Loop() {
		o.Fingerprint()
	}
}

func BenchmarkValidate(b *testing.B) {
	o := decode(b, fixture(b, "gateway-example.json"))
	b.ReportAllocs()
	for b.Loop() {
		if err := o.Validate(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	o := decode(b, fixture(b, "gateway-example.json"))
	b.ReportAllocs()
	for b.Loop() {
		o.Encode()
	}
}
