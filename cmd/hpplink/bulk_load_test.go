package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/hibiken/asynq"
	"golang.org/x/sync/errgroup"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/sheet"
)

const (
	// bulkMemory is how much memory bulk may have at most, in MB, however long the file.
	bulkMemory = 160
	// bulkShare is how fast orders are to be taken in, compared with only enqueueing tasks.
	bulkShare = 0.4
)

// TestBulkLoad hands a long file in and measures time and memory, beside a loop that only enqueues. The file has 5,000 rows,
// or HPPLINK_BULK.
func TestBulkLoad(t *testing.T) {
	n := bulkSize(t, "HPPLINK_BULK", 5000)
	file := loadSheet(t, n)
	server := redistest.StartServer(t, "--appendonly", "yes")
	env := append(os.Environ(), "HPPLINK_REDIS=redis://"+server.Addr+"/0", "HPPLINK_MERCHANT_ID=M-1001")

	planned, _ := bulkProcess(t, env, file, "--dry-run")
	all, memory := bulkProcess(t, env, file, "--yes", "--detach")
	taken := all - planned
	if open := redistest.Client(t, server.Addr).HGet(context.Background(), "{hpp}:open", "M-1001").Val(); open != strconv.Itoa(n) {
		t.Errorf("%s orders are open, want %d", open, n)
	}
	enqueued := plainLoop(t, file)
	rate := func(d time.Duration) float64 { return float64(n) / d.Seconds() }
	t.Logf("%d rows: planned at %.0f rows/s, taken in at %.0f rows/s, with %d MB at most; asynq alone enqueues %.0f/s: %.2f of that",
		n, rate(planned), rate(taken), memory, rate(enqueued), rate(taken)/rate(enqueued))
	if n < 100_000 { // start-up and, where it is on, the race detector weigh more than the rows
		return
	}
	if memory > bulkMemory {
		t.Errorf("it took %d MB, want %d or less", memory, bulkMemory)
	}
	if rate(taken) < bulkShare*rate(enqueued) {
		t.Errorf("orders are taken in at %.2f of the rate of asynq alone, want %.1f", rate(taken)/rate(enqueued), bulkShare)
	}
}

// loadSheet is a file of the orders that loadOrder makes.
func loadSheet(t *testing.T, n int) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "load.csv")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	out := bufio.NewWriter(f)
	fmt.Fprintln(out, "merchant_txn_ref,merchant_id,amount,currency,merchant_email,success url,payment type,country,city,note")
	for i := range n {
		fmt.Fprintf(out, "INV-%07d,M-1001,%d,JPY,m@shop.example,https://shop.example/ok,scheme,JP,Shinjuku-ku,row %d\n", i, 1000+i, i)
	}
	if err := out.Flush(); err != nil {
		t.Fatal(err)
	}
	return path
}

// bulkProcess runs hpplink bulk, and returns how long it took and how much memory it had at most, in MB.
func bulkProcess(t *testing.T, env []string, args ...string) (time.Duration, int) {
	t.Helper()
	cmd := exec.Command("hpplink", append([]string{"bulk"}, args...)...)
	cmd.Env = env
	begun := time.Now()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	usage := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	return time.Since(begun), int(usage.Maxrss >> 10)
}

// plainLoop enqueues the same rows from 64 goroutines with asynq's own client, as orders a task each, into a Redis of the
// same kind.
func plainLoop(t *testing.T, file string) time.Duration {
	t.Helper()
	server := redistest.StartServer(t, "--appendonly", "yes")
	client := asynq.NewClient(asynq.RedisClientOpt{Addr: server.Addr})
	defer client.Close()
	begun := time.Now()
	rows := make(chan sheet.Row, loadProducers)
	all, ctx := errgroup.WithContext(context.Background())
	all.Go(func() error {
		defer close(rows)
		return eachRow(file, func(r sheet.Row) {
			select {
			case rows <- r:
			case <-ctx.Done():
			}
		})
	})
	for range loadProducers {
		all.Go(func() error {
			for r := range rows {
				_, err := client.Enqueue(asynq.NewTask("link:generate", r.Event), asynq.TaskID(r.Cells[0]), asynq.Queue("plain"))
				if err != nil {
					return err
				}
			}
			return nil
		})
	}
	if err := all.Wait(); err != nil {
		t.Fatal(err)
	}
	return time.Since(begun)
}

func eachRow(file string, f func(sheet.Row)) error {
	r, err := sheet.Open(file, sheet.Options{})
	if err != nil {
		return err
	}
	defer r.Close()
	for {
		row, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		f(row)
	}
}
