package sandbox_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

// blank is a ResponseWriter that costs nothing.
type blank struct{ h http.Header }

func (b blank) Header() http.Header         { return b.h }
func (b blank) Write(p []byte) (int, error) { return len(p), nil }
func (b blank) WriteHeader(int)             {}

// BenchmarkPost is the handler alone, each POST a ref of its own.
func BenchmarkPost(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	r := httptest.NewRequest("POST", path, nil)
	r.Header = request("http://x", "").Header
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		r.Body = io.NopCloser(strings.NewReader(body(fmt.Sprint("INV-", i))))
		h.ServeHTTP(blank{http.Header{}}, r)
	}
}

// BenchmarkSummary is the cost of the summary after 100,000 orders.
func BenchmarkSummary(b *testing.B) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		b.Fatal(err)
	}
	h := s.Handler()
	for i := range 100_000 {
		r := httptest.NewRequest("POST", path, strings.NewReader(body(fmt.Sprint("INV-", i))))
		r.Header = request("http://x", "").Header
		h.ServeHTTP(blank{http.Header{}}, r)
	}
	for b.Loop() {
		h.ServeHTTP(blank{http.Header{}}, httptest.NewRequest("GET", "/_sandbox/journal/summary", nil))
	}
}
