package sheet_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"testing"

	"github.com/hpplink/hpplink/internal/sheet"
)

const benchHeader = "Order ID,Amount,Currency,Customer e-mail,Billing city,Notes\r\n"

func largeCSV(b *testing.B, rows int) string {
	path := filepath.Join(b.TempDir(), "large.csv")
	f, err := os.Create(path)
	if err != nil {
		b.Fatal(err)
	}
	out := bufio.NewWriter(f)
	_, _ = out.WriteString(benchHeader)
	for i := range rows {
		fmt.Fprintf(out, "INV-%07d,%d.50,EUR,customer%d@mail.example,Köln,\"delivered, paid %d\"\r\n", i, i%9999, i, i)
	}
	if err := errors.Join(out.Flush(), f.Close()); err != nil {
		b.Fatal(err)
	}
	return path
}

// largeBook has the file as a workbook: as the result that we write of it.
func largeBook(b *testing.B, rows int) string {
	in, err := sheet.Open(largeCSV(b, rows), sheet.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer in.Close()
	path := filepath.Join(b.TempDir(), "large.xlsx")
	out, err := sheet.Create(path, sheet.XLSX, in.Columns())
	if err != nil {
		b.Fatal(err)
	}
	for range rows {
		row, err := in.Next()
		if err != nil {
			b.Fatal(err)
		}
		if err := out.Write(row, sheet.Outcome{State: "issued"}); err != nil {
			b.Fatal(err)
		}
	}
	if err := out.Close(); err != nil {
		b.Fatal(err)
	}
	return path
}

// benchmarkRead reports rows a second and the live heap at its largest, seen every 50,000 rows.
func benchmarkRead(b *testing.B, path string, rows int) {
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	var peak uint64
	b.ResetTimer()
	for range b.N {
		r, err := sheet.Open(path, sheet.Options{})
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		for ; ; n++ {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			if n%50_000 == 0 {
				runtime.ReadMemStats(&now)
				peak = max(peak, now.HeapAlloc)
			}
		}
		if err := r.Close(); err != nil || n != rows {
			b.Fatal(n, err)
		}
	}
	b.ReportMetric(float64(rows)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
	b.ReportMetric(float64(peak)/(1<<20), "MiB-peak")
	b.ReportMetric(float64(before.HeapAlloc)/(1<<20), "MiB-before")
}

func BenchmarkRead(b *testing.B) {
	rows := 100_000
	if s := os.Getenv("HPPLINK_ROWS"); s != "" {
		rows, _ = strconv.Atoi(s)
	}
	b.Run("csv", func(b *testing.B) { benchmarkRead(b, largeCSV(b, rows), rows) })
	b.Run("xlsx", func(b *testing.B) { benchmarkRead(b, largeBook(b, rows), rows) })
}
