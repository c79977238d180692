package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

// TestMain also serves as the program: run as "hpplink", the test binary is hpplink.
func TestMain(m *testing.M) {
	testscript.Main(redistest.M{M: m}, map[string]func(){
		"hpplink":     func() { os.Exit(cli.Main()) },
		"plainworker": plainWorker,
	})
}

// TestCommandLine runs the scripts in testdata as processes of their own, each in its own
// namespace of a real redis-server.
func TestCommandLine(t *testing.T) {
	redisURL := "redis://" + redistest.Server(t) + "/0"
	var number atomic.Int32
	testscript.Run(t, testscript.Params{
		Dir: "testdata",
		Setup: func(env *testscript.Env) error {
			env.Setenv("HPPLINK_REDIS", redisURL)
			env.Setenv("HPPLINK_LISTEN", "127.0.0.1:0")
			env.Setenv("HPPLINK_NAMESPACE", fmt.Sprint("script", number.Add(1)))
			env.Setenv("HPPLINK_MERCHANT_ID", "M-1001")
			env.Setenv("HPPLINK_API_KEY", "planted-api-key")
			env.Setenv("HPPLINK_X_API_KEY", "planted-x-api-key")
			gateway := freeAddress(t)
			env.Setenv("GATEWAY", gateway)
			env.Setenv("HPPLINK_GATEWAY_URL", "http://"+gateway+"/api/v1")
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exitcode":   exitCode,
			"answers":    waitAnswers,
			"results":    waitResults,
			"posts":      waitPosts,
			"mailserver": mailServer,
			"mailsays":   mailSays,
			"mails":      waitMails,
			"mailersup":  mailersUp,
			"mailersage": mailersAge,
		},
	})
}

func freeAddress(t testing.TB) string {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

const patience = 30 * time.Second

// eventually asks again and again until f is content.
func eventually(what string, f func() error) error {
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if err = f(); err == nil {
			return nil
		}
	}
	return fmt.Errorf("waited %v for %s: %w", patience, what, err)
}

// exitCode runs a program that must end with a certain code: exitcode N PROGRAM ARGS…
func exitCode(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	err = ts.Exec(args[1], args[2:]...)
	var exit *exec.ExitError
	if got := 0; errors.As(err, &exit) {
		if got = exit.ExitCode(); got != want {
			ts.Fatalf("exit code %d, want %d", got, want)
		}
	} else if err != nil || want != 0 {
		ts.Fatalf("exit code 0 (%v), want %d", err, want)
	}
}

// waitAnswers waits until an HTTP server answers: answers URL.
func waitAnswers(ts *testscript.TestScript, neg bool, args []string) {
	ts.Check(eventually(args[0], func() error {
		res, err := http.Get(args[0])
		if err == nil {
			res.Body.Close()
		}
		return err
	}))
}

// waitResults waits until there are so many results: results N.
func waitResults(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	opt, err := redis.ParseURL(ts.Getenv("HPPLINK_REDIS"))
	ts.Check(err)
	rdb := redis.NewClient(opt)
	defer rdb.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	enough := fmt.Errorf("enough")
	got := 0
	l, err := partition.Open(ctx, rdb, ts.Getenv("HPPLINK_NAMESPACE"), 0)
	ts.Check(err)
	reader := results.NewReader(rdb, l.Streams()...)
	err = reader.Follow(ctx, results.Start, func(results.Event) error {
		if got++; got == want {
			return enough
		}
		return nil
	})
	if err != enough {
		ts.Fatalf("%d results after %v, want %d: %v", got, patience, want, err)
	}
}

// waitPosts waits until the sandbox was asked so often, and not once more: posts N.
func waitPosts(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	ts.Check(awaitPosts(want, func() (int, error) {
		s, err := journal(ts.Getenv("GATEWAY"))
		return s.Posts, err
	}))
}

func awaitPosts(want int, posts func() (int, error)) error {
	n := 0
	err := eventually(fmt.Sprint(want, " POSTs"), func() (err error) {
		if n, err = posts(); err == nil && n < want {
			err = fmt.Errorf("%d so far", n)
		}
		return err
	})
	if err == nil && n != want {
		err = fmt.Errorf("%d POSTs, want %d", n, want)
	}
	return err
}

// TestRegressionPostsBeyondTheWantedFail: the scripts' command posts once took a second POST for a first one.
func TestRegressionPostsBeyondTheWantedFail(t *testing.T) {
	counts := []int{0, 1, 2}
	posts := func() (int, error) {
		n := counts[0]
		counts = counts[1:]
		return n, nil
	}
	if err := awaitPosts(1, posts); err != nil {
		t.Error(err)
	}
	if err := awaitPosts(1, posts); err == nil {
		t.Error("two POSTs pass for one")
	}
}
