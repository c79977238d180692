package gateway_test

import (
	"context"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
)

func BenchmarkGenerate(b *testing.B) {
	s := serve(b, answering(200, nil, pageAnswer))
	client, p, o := newClient(b), profile(b, s.URL), pageOrder()
	b.ReportAllocs()
	for b.Loop() {
		if a := client.Generate(context.Background(), p, o); a.Outcome != gateway.Issued {
			b.Fatalf("%+v", a)
		}
	}
}

// BenchmarkRefusal digs out and redacts a message besides.
func BenchmarkRefusal(b *testing.B) {
	p, o := profile(b, "https://gateway.example"), pageOrder()
	b.ReportAllocs()
	for b.Loop() {
		read(p, o, 422, `{"gateway_response":{"message":"billing@testemail.com is not valid"}}`)
	}
}
