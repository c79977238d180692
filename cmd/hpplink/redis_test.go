package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/redistest"
)

// run runs one command line in this process, which must end with the code.
func run(t *testing.T, code int, s cli.Streams, args ...string) (stdout, stderr string) {
	t.Helper()
	var out, errs bytes.Buffer
	if s.In == nil {
		s.In = strings.NewReader("")
	}
	if hook, ok := s.Out.(seeing); ok {
		s.Out = seeing(func(b []byte) { out.Write(b); hook(b) })
	} else {
		s.Out = &out
	}
	s.Err = &errs
	if got := cli.Run(t.Context(), args, s); got != code {
		t.Fatalf("hpplink %s: exit code %d, want %d\n%s%s", strings.Join(args, " "), got, code, cut(out.String()), errs.String())
	}
	return out.String(), errs.String()
}

func settings(t *testing.T, redisURL string) {
	t.Helper()
	for name, value := range map[string]string{
		"REDIS": redisURL, "MERCHANT_ID": "M-1001", "API_KEY": "k", "X_API_KEY": "k", "GATEWAY_URL": "http://127.0.0.1:1/api/v1",
	} {
		t.Setenv("HPPLINK_"+name, value)
	}
}

// TestRegressionEmbeddedRedisForgets: enqueue into an embedded Redis answered "accepted", and forgot the order at once.
func TestRegressionEmbeddedRedisForgets(t *testing.T) {
	settings(t, "embedded")
	for _, line := range []string{
		"enqueue -", "status", "status R", "results", "results --follow", "failed list", "failed replay R", "failed discard R --yes", "surplus list",
	} {
		t.Run(line, func(t *testing.T) {
			out, errs := run(t, 2, cli.Streams{In: bytes.NewReader(loadOrder(1))}, strings.Fields(line)...)
			if out != "" || !strings.Contains(errs, "--redis / HPPLINK_REDIS") || !strings.Contains(errs, "redis-server with appendonly yes") {
				t.Errorf("%s%s", out, errs)
			}
		})
	}
	if out, _ := run(t, 1, cli.Streams{}, "check", "--offline"); !strings.Contains(out, "MEND  persistence") {
		t.Errorf("check: %s", out)
	}
}

// TestRunWithEmbeddedRedis: the worker says where its Redis is, so that other commands reach it while it runs.
func TestRunWithEmbeddedRedis(t *testing.T) {
	s := &system{gateway: freeAddress(t), redisURL: "embedded"}
	start(t, nil, "sandbox", "--listen", s.gateway)
	cmd := exec.Command("hpplink", "run")
	cmd.Env = append(os.Environ(), append(s.workerEnv(), "HPPLINK_LOG_LEVEL=info", "HPPLINK_LOG=json")...)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Signal(syscall.SIGTERM)
		go io.Copy(io.Discard, log)
		if err := cmd.Wait(); err != nil {
			t.Error(err)
		}
	}()
	var line struct{ Msg, Redis string }
	for dec := json.NewDecoder(log); line.Msg != "working"; {
		if err := dec.Decode(&line); err != nil {
			t.Fatal(err)
		}
	}
	settings(t, "redis://"+line.Redis)
	if out, _ := run(t, 0, cli.Streams{In: bytes.NewReader(loadOrder(1))}, "enqueue", "-"); !strings.HasPrefix(out, "accepted") {
		t.Error(out)
	}
	if err := eventually("the link", func() error {
		out, _ := run(t, 0, cli.Streams{}, "results")
		if !strings.Contains(out, "link.issued") {
			return fmt.Errorf("results: %q", out)
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
}

// TestRegressionRedisGoesAwayInTheMiddleOfAFile: a long file was tried to its end, and the exit code was 1.
func TestRegressionRedisGoesAwayInTheMiddleOfAFile(t *testing.T) {
	const n = 5000
	server := redistest.StartServer(t)
	settings(t, "redis://"+server.Addr)
	var orders bytes.Buffer
	for i := range n {
		orders.Write(append(loadOrder(i), '\n'))
	}
	killed := seeing(func([]byte) { server.Kill() })
	out, errs := run(t, 3, cli.Streams{In: &orders, Out: killed}, "enqueue", "-", "--json")
	accepted, unknown := 0, 0
	for line := range strings.Lines(out) {
		var receipt struct{ Status intake.Status }
		if err := json.Unmarshal([]byte(line), &receipt); err != nil {
			t.Fatal(err)
		}
		switch receipt.Status {
		case intake.Accepted:
			accepted++
		case intake.Unknown:
			unknown++
		}
	}
	if accepted == 0 || unknown == 0 || accepted+unknown == n {
		t.Errorf("%d accepted and %d unknown of %d", accepted, unknown, n)
	}
	want := fmt.Sprintf("%d orders not taken, and what follows in the input was not read", unknown)
	if !strings.Contains(errs, want) || !strings.Contains(errs, "Redis at "+server.Addr+" does not answer") {
		t.Errorf("want %q in: %s", want, errs)
	}
}

// TestRegressionRedisGoesAwayOnTheWay: a Redis that was there at the start and then went away made exit code 1.
func TestRegressionRedisGoesAwayOnTheWay(t *testing.T) {
	for _, args := range [][]string{{"results"}, {"results", "--group", "g"}} {
		t.Run(strings.Join(args, " "), func(t *testing.T) {
			server := redistest.StartServer(t)
			settings(t, "redis://"+server.Addr)
			rdb := redistest.Client(t, server.Addr)
			if _, err := rdb.Pipelined(t.Context(), func(p redis.Pipeliner) error {
				for range 600 { // more than a page
					p.XAdd(t.Context(), &redis.XAddArgs{Stream: "{hpp}:results", Values: []string{"foo", "bar"}})
				}
				return nil
			}); err != nil {
				t.Fatal(err)
			}
			_, errs := run(t, 3, cli.Streams{Out: seeing(func([]byte) { server.Kill() })}, args...)
			if !strings.Contains(errs, "Redis at "+server.Addr+" does not answer") {
				t.Error(errs)
			}
		})
	}
}

// TestRegressionForeignResultIsPrinted: a result that nobody could read ended the command for good.
func TestRegressionForeignResultIsPrinted(t *testing.T) {
	addr := redistest.Server(t)
	settings(t, "redis://"+addr)
	redistest.Client(t, addr).XAdd(t.Context(), &redis.XAddArgs{Stream: "{hpp}:results", Values: []string{"foo", "bar"}})
	if out, _ := run(t, 0, cli.Streams{}, "results", "--json"); !strings.Contains(out, `"type":"","merchant_id":"","merchant_txn_ref":"","generation":0,`) {
		t.Error(out)
	}
	if out, _ := run(t, 0, cli.Streams{}, "results"); strings.Join(strings.Fields(out), " ") != "- - - -" {
		t.Errorf("%q", out)
	}
}

// TestRegressionCheckOfSnapshots: check called a Redis with snapshots only fit.
func TestRegressionCheckOfSnapshots(t *testing.T) {
	for want, args := range map[string][]string{
		"Redis writes snapshots only (save 3600 1)": {"--save", "3600 1"},
		"Redis keeps nothing on disk":               nil,
		"":                                          {"--appendonly", "yes"},
	} {
		settings(t, "redis://"+redistest.StartServer(t, args...).Addr)
		if want == "" {
			run(t, 0, cli.Streams{}, "check", "--offline")
			continue
		}
		if out, _ := run(t, 1, cli.Streams{}, "check", "--offline"); !strings.Contains(out, "MEND  persistence  "+want) || !strings.Contains(out, "set appendonly yes") {
			t.Error(out)
		}
	}
}
