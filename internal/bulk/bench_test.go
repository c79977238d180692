package bulk_test

import (
	"testing"

	"github.com/hpplink/hpplink/internal/bulk"
	"github.com/hpplink/hpplink/internal/redistest"
)

func BenchmarkPlan(b *testing.B) {
	desk := newBench(b, redistest.StartServer(b).Addr)
	in := desk.file(b, "load.csv", rows(b.N)...)
	b.ResetTimer()
	desk.plan(b, in)
}

func BenchmarkSend(b *testing.B) {
	desk := newBench(b, redistest.StartServer(b).Addr)
	in := desk.file(b, "load.csv", rows(b.N)...)
	p := desk.plan(b, in)
	b.ResetTimer()
	if _, err := desk.Send(ctx, in, p, bulk.Retry{}, nil); err != nil {
		b.Fatal(err)
	}
}
