package gateway_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway"
	"github.com/hpplink/hpplink/internal/order"
)

// storedOrder is the page's order as it comes out of the ledger.
func storedOrder(b *testing.B) *order.Order {
	o, err := order.Decode(pageOrder().Encode())
	if err != nil {
		b.Fatal(err)
	}
	return o
}

func BenchmarkGenerate(b *testing.B) {
	s := serve(b, answering(200, nil, pageAnswer))
	client, p, o := newClient(b), profile(b, s.URL), storedOrder(b)
	b.ReportAllocs()
	for b.Loop() {
		if a := client.Generate(context.Background(), p, o); a.Outcome != gateway.Issued {
			b.Fatalf("%+v", a)
		}
	}
}

// BenchmarkRequest is what Generate does before the request is sent.
func BenchmarkRequest(b *testing.B) {
	client, p, o := newClient(b), profile(b, "https://gateway.example/api/v1"), storedOrder(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, problem := client.Prepare(p, o); problem != nil {
			b.Fatalf("%+v", problem)
		}
	}
}

// BenchmarkAnswer is what Generate does once the answer begins to come. The
// real one repeats addresses, and so is larger than the page's.
func BenchmarkAnswer(b *testing.B) {
	p, o := profile(b, "https://gateway.example"), storedOrder(b)
	body := strings.TrimSuffix(pageAnswer, "\n}") + `, "shipping_address": ` + string(address("shipping@testemail.com")) + "}"
	b.ReportAllocs()
	for b.Loop() {
		res := &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(body))}
		if a := gateway.Read(p, o, res); a.Outcome != gateway.Issued {
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
