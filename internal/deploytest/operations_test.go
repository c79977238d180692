package deploytest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/gateway/sandbox"
	"github.com/hpplink/hpplink/internal/redistest"
)

// shop runs commands of the program against one Redis and a simulated gateway.
type shop struct {
	redis string // host:port
	gw    *sandbox.Server
}

func newShop(t *testing.T) *shop {
	t.Helper()
	gw, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gw.Handler())
	t.Cleanup(server.Close)
	t.Cleanup(gw.Close)
	for name, value := range map[string]string{
		"GATEWAY_URL": server.URL + "/api/v1", "API_KEY": "any", "X_API_KEY": "any", "MERCHANT_ID": "M-1", "LISTEN": "127.0.0.1:0",
	} {
		t.Setenv("HPPLINK_"+name, value)
	}
	s := &shop{gw: gw}
	s.use(t, redistest.StartServer(t).Addr)
	return s
}

// use has further commands work with another Redis.
func (s *shop) use(t *testing.T, addr string) {
	t.Helper()
	s.redis = addr
	t.Setenv("HPPLINK_REDIS", "redis://"+addr+"/0")
}

// hpplink runs a command that is to go well, and returns what it printed.
func (s *shop) hpplink(t *testing.T, input string, args ...string) string {
	t.Helper()
	var out, bad bytes.Buffer
	if code := cli.Run(t.Context(), args, cli.Streams{In: strings.NewReader(input), Out: &out, Err: &bad}); code != 0 {
		t.Fatalf("hpplink %q: exit code %d: %s%s", args, code, out.String(), bad.String())
	}
	return out.String()
}

// work works until as many events are there in all, and returns them.
func (s *shop) work(t *testing.T, roles string, events int) []event {
	t.Helper()
	ctx, stop := context.WithTimeout(t.Context(), operationsBound)
	defer stop()
	ended := make(chan int, 1)
	go func() {
		ended <- cli.Run(ctx, []string{"run", "--roles", roles}, cli.Streams{In: strings.NewReader(""), Out: io.Discard, Err: io.Discard})
	}()
	all := s.events(t, ctx, events)
	stop()
	if code := <-ended; code != 0 {
		t.Fatalf("the worker: exit code %d", code)
	}
	return all
}

// event is what the result stream says.
type event struct {
	ID, Type string
	Data     struct{ URL string }
}

// events waits for as many.
func (s *shop) events(t *testing.T, ctx context.Context, n int) (all []event) {
	t.Helper()
	out, in := io.Pipe()
	defer out.Close()
	go func() {
		cli.Run(ctx, []string{"results", "--json", "--follow"}, cli.Streams{In: strings.NewReader(""), Out: in, Err: io.Discard})
		in.Close()
	}()
	for lines := json.NewDecoder(out); len(all) < n; {
		var e event
		if err := lines.Decode(&e); err != nil {
			t.Fatalf("%d events, want %d: %v", len(all), n, err)
		}
		all = append(all, e)
	}
	return all
}

// sh runs a script of the operations page, whose redis-cli asks this shop's Redis.
func (s *shop) sh(t *testing.T, script string) string {
	t.Helper()
	real, err := exec.LookPath("redis-cli")
	if err != nil {
		t.Fatal(err)
	}
	bin := t.TempDir()
	host, port, _ := net.SplitHostPort(s.redis)
	wrapper := fmt.Sprintf("#!/bin/sh\nexec %s -h %s -p %s \"$@\"\n", real, host, port)
	if err := os.WriteFile(filepath.Join(bin, "redis-cli"), []byte(wrapper), 0o700); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("sh", "-ec", script)
	cmd.Env = append(os.Environ(), "PATH="+bin+":"+os.Getenv("PATH"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s\n%s", err, out, script)
	}
	return string(out)
}

// scriptOf returns the first script under a heading of the operations page.
func scriptOf(t *testing.T, heading string) string {
	t.Helper()
	_, section, found := strings.Cut(readRunbook(t), "\n"+heading+"\n")
	_, script, fenced := strings.Cut(section, "```sh\n")
	script, _, _ = strings.Cut(script, "```")
	if !found || !fenced {
		t.Fatalf("there is no script under %s", heading)
	}
	return script
}
