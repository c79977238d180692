package main

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestBulkReadsWhatSpreadsheetProgramsWrite checks files as programs harm them, end to end.
func TestBulkReadsWhatSpreadsheetProgramsWrite(t *testing.T) {
	env := append(os.Environ(), "HPPLINK_REDIS=redis://"+redistest.Server(t)+"/0", "HPPLINK_CONFIG="+merchantsFile(t))
	for _, test := range []struct {
		file string
		code int
		says string
	}{
		{"shift-jis.csv", 2, "row 2: 顧客メールアドレス: "}, // no worker here sends emails
		{"utf16le.csv", 2, "kept in the result: \"備考\""},
		{"titles.csv", 0, "€10.00"},
		{"mac.csv", 2, "currency"},
		{"harmed.csv", 2, "row 2: Order ID: is a number that a spreadsheet program shortened"},
		{"harmed.xlsx", 2, "is a date"},
		{"text.xlsx", 2, "is no .xlsx workbook"},
		{"two-sheets.xlsx", 2, "currency: is required"},
		{"unclosed.csv", 2, "never closed"},
		{"binary.csv", 2, "hpplink: "},
		{"no-header.csv", 2, "no column is the order's ref"},
		{"old.xls", 2, "save it as .xlsx"},
	} {
		t.Run(test.file, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), test.file) // the list of problems goes beside it
			data, err := os.ReadFile(filepath.Join("../../internal/sheet/testdata", test.file))
			if err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			out, code := bulkOnce(t, env, path, "--dry-run")
			if code != test.code || !strings.Contains(strings.ReplaceAll(out, path, ""), test.says) {
				t.Errorf("exit code %d, want %d and %q:\n%s", code, test.code, test.says, out)
			}
		})
	}
}

// merchantsFile has a merchant whose orders need not bring more than a ref, an amount and a currency.
func merchantsFile(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "merchants.yaml")
	const content = `merchants:
  - id: M-1001
    gateway_url: https://api.paymentoptions.com/api/v1
    api_key: {env: NO_SUCH_KEY}
    x_api_key: {env: NO_SUCH_KEY}
    defaults:
      merchant_email: shop@shop.example
      return_url: {success_url: https://shop.example/ok}
      payment_method: {type: scheme}
      billing_address: {country: JP}
`
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func bulkOnce(t *testing.T, env []string, args ...string) (output string, code int) {
	t.Helper()
	cmd := exec.Command("hpplink", append([]string{"bulk"}, args...)...)
	cmd.Env = env
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// bulkSize is a number of a test, or that of a variable.
func bulkSize(t *testing.T, variable string, usual int) int {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return usual
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		t.Fatalf("%s=%q: want a number", variable, text)
	}
	return n
}

// TestBulkKilled kills hpplink bulk with SIGKILL at random points, and starts it again each time.
func TestBulkKilled(t *testing.T) {
	t.Parallel()
	n := bulkSize(t, "HPPLINK_BULK_KILL", 1500)
	s := startSystem(t, 1)
	file := loadSheet(t, n)
	env := append(os.Environ(), "HPPLINK_REDIS="+s.redisURL, "HPPLINK_MERCHANT_ID=M-1001")
	for i, point := range []string{"handing in", "handing in", "following"} {
		at := (i%2)*n/2 + 1 + rand.IntN(n/2-1) // the second later than the first
		cmd := exec.Command("hpplink", "bulk", file, "--yes")
		cmd.Env = env
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		err := eventually(point, func() error { return s.reached(point == "following", at) })
		cmd.Process.Kill()
		if wait := cmd.Wait(); err != nil || wait == nil && point != "following" {
			t.Logf("%v %v\n%s", err, wait, out.String())
		}
		t.Logf("kill %d while %s, at %d of %d: %v", i+1, point, at, n, cmd.ProcessState)
	}
	if out, code := bulkOnce(t, env, file, "--yes"); code != 0 {
		t.Fatalf("exit code %d\n%s", code, out)
	}
	seen, err := journal(s.gateway)
	t.Logf("the gateway saw %+v", seen)
	if err != nil || seen != (summary{Posts: n, Minted: n, Refs: n, Once: n}) {
		t.Errorf("%v, want %d POSTs", err, n)
	}
	wantResult(t, strings.TrimSuffix(file, ".csv")+".result.csv", n)
}

// reached tells whether so many orders of the only batch are in it, or, when it is followed, settled.
func (s *system) reached(following bool, n int) error {
	all, err := s.base.Ledger.Batches(context.Background(), 1)
	if err != nil || len(all) == 0 {
		return errors.Join(err, errors.New("no batch yet"))
	}
	if b := all[0]; following && (!b.Sealed || b.Issued < n) || b.Orders < n {
		return fmt.Errorf("%+v", b)
	}
	return nil
}

// wantResult checks that a result has every row of loadSheet, once, in its place, with a link of its own.
func wantResult(t *testing.T, path string, n int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	all, err := csv.NewReader(f).ReadAll()
	if err != nil || len(all) != n+1 {
		t.Fatalf("%d rows, want %d: %v", len(all)-1, n, err)
	}
	state, link := slices.Index(all[0], "hpplink_state"), slices.Index(all[0], "hpplink_link")
	links := map[string]bool{}
	for i, row := range all[1:] {
		if row[0] != fmt.Sprintf("INV-%07d", i) || row[9] != fmt.Sprintf("row %d", i) || row[state] != "issued" || links[row[link]] || row[link] == "" {
			t.Fatalf("row %d is %q", i, row)
		}
		links[row[link]] = true
	}
}

// TestInteractiveOrdersPassBulk measures how long an order takes to its link while a batch waits.
func TestInteractiveOrdersPassBulk(t *testing.T) {
	const latency = 50 * time.Millisecond
	n := bulkSize(t, "HPPLINK_BULK_WAITING", 2000)
	samples := min(200, n/200)
	s := startSystem(t, 0, "--latency", latency.String(), "--jitter", "0")
	env := append(os.Environ(), "HPPLINK_REDIS="+s.redisURL, "HPPLINK_MERCHANT_ID=M-1001")
	if out, code := bulkOnce(t, env, loadSheet(t, n), "--yes", "--detach"); code != 0 {
		t.Fatal(out)
	}
	start(t, append(s.workerEnv(), "HPPLINK_CONCURRENCY=15"), "run", "--roles", "worker") // 300 links/s: the CPUs are not what is measured
	if err := eventually("the first links", func() error { return s.reached(true, 50) }); err != nil {
		t.Fatal(err)
	}
	door := s.base.Door(nil)
	var took []time.Duration
	for i := range samples {
		took = append(took, s.toLink(t, door, i))
	}
	left, err := s.base.Ledger.Batches(context.Background(), 1)
	if err != nil || left[0].Open == 0 {
		t.Fatalf("no bulk order waits any more: %v", err)
	}
	slices.Sort(took)
	p99 := took[len(took)*99/100]
	t.Logf("%d samples while %d to %d bulk orders waited: median %v, p99 %v", samples, n, left[0].Open, took[len(took)/2], p99)
	if most := 2*latency + 100*time.Millisecond; samples == 200 && p99 > most {
		t.Errorf("p99 is %v, want %v or less", p99, most)
	}
}

// toLink hands an interactive order in and waits for its link.
func (s *system) toLink(t *testing.T, door *intake.Door, i int) time.Duration {
	t.Helper()
	data := bytes.Replace(loadOrder(i), []byte("INV-"), []byte("NOW-"), 1)
	begun := time.Now()
	r := door.Submit(context.Background(), []intake.Event{{JSON: data, Lane: order.Interactive}})[0]
	if r.Status != intake.Accepted {
		t.Fatalf("%+v", r)
	}
	for time.Since(begun) < patience {
		record, _, err := s.base.Ledger.Get(context.Background(), r.Key)
		if err != nil {
			t.Fatal(err)
		}
		if record.State == ledger.Issued {
			return time.Since(begun)
		}
		time.Sleep(2 * time.Millisecond) // the resolution of what is measured
	}
	t.Fatal("no link")
	return 0
}

// TestBulkInterrupted stops hpplink bulk as Ctrl-C does: it says how to go on, and writes what is known.
func TestBulkInterrupted(t *testing.T) {
	const n = 300
	for _, test := range []struct {
		name   string
		most   int // orders that may be open
		states map[string]int
		says   string
	}{
		{"while it hands in", 100, map[string]int{"queued": 100, "not_sent": n - 100}, "the same command again goes on"},
		{"while it waits", 1000, map[string]int{"queued": n}, "the orders are worked on all the same"},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := startSystem(t, 0)
			file := loadSheet(t, n)
			cmd := exec.Command("hpplink", "bulk", file, "--yes")
			cmd.Env = append(os.Environ(), "HPPLINK_REDIS="+s.redisURL, "HPPLINK_MERCHANT_ID=M-1001", fmt.Sprint("HPPLINK_MAX_OPEN=", test.most))
			var out bytes.Buffer
			cmd.Stdout, cmd.Stderr = &out, &out
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			if err := eventually("the orders", func() error { return s.reached(false, test.states["queued"]) }); err != nil {
				t.Error(err)
			}
			cmd.Process.Signal(os.Interrupt)
			cmd.Wait()
			if code := cmd.ProcessState.ExitCode(); code != 1 || !strings.Contains(out.String(), test.says) {
				t.Errorf("exit code %d, want 1 and %q:\n%s", code, test.says, out.String())
			}
			if got := resultStates(t, strings.TrimSuffix(file, ".csv")+".result.csv"); !maps.Equal(got, test.states) {
				t.Errorf("got %v, want %v", got, test.states)
			}
		})
	}
}

func resultStates(t *testing.T, path string) map[string]int {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(bytes.NewReader(data)).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	at, counts := slices.Index(all[0], "hpplink_state"), map[string]int{}
	for _, row := range all[1:] {
		counts[row[at]]++
	}
	return counts
}
