package redisconn_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/alicebob/miniredis/v2/server"

	"github.com/hpplink/hpplink/internal/redisconn"
	"github.com/hpplink/hpplink/internal/redistest"
)

func TestCheckOnRealServers(t *testing.T) {
	tests := map[string]struct {
		args  []string
		user  string
		unfit string // "" when fit
		loss  string // what Loss begins with; "" when durable
	}{
		"append-only file":  {args: []string{"--appendonly", "yes"}},
		"nothing on disk":   {loss: "Redis keeps nothing on disk"},
		"evicts":            {args: []string{"--maxmemory-policy", "allkeys-lru"}, unfit: "noeviction"},
		"evicts volatile":   {args: []string{"--maxmemory-policy", "volatile-ttl"}, unfit: "noeviction"},
		"CONFIG forbidden":  {args: []string{"--user", "app", "on", ">pw", "~*", "+@all", "-config"}, user: "app:pw@", loss: "Redis writes no append-only file"},
		"AOF, no CONFIG":    {args: []string{"--appendonly", "yes", "--user", "app", "on", ">pw", "~*", "+@all", "-config"}, user: "app:pw@"},
		"evicts, no CONFIG": {args: []string{"--maxmemory-policy", "allkeys-lru", "--user", "app", "on", ">pw", "~*", "+@all", "-config"}, user: "app:pw@", unfit: "noeviction"},
		"INFO not allowed":  {args: []string{"--user", "app", "on", ">pw", "~*", "+@all", "-info", "-config"}, user: "app:pw@", loss: "Redis does not tell"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			c := open(t, "redis://"+test.user+redistest.StartServer(t, test.args...).Addr)
			r, err := c.Check(context.Background())
			mustBeUnfit(t, err, test.unfit)
			if test.unfit == "" {
				mustLose(t, r, test.loss)
			}
		})
	}
}

// mustLose wants Loss to begin with these words, or, without any, a durable Redis.
func mustLose(t *testing.T, r redisconn.Report, words string) {
	t.Helper()
	loss := r.Loss()
	if r.Durable() != (words == "") || r.Durable() != (loss == "") || !strings.HasPrefix(loss, words) {
		t.Errorf("Durable is %v and Loss %q of %+v", r.Durable(), loss, r)
	}
}

// TestRegressionSnapshotsAloneAreNotDurable: a Redis as it is installed passed without a word, although a crash of it
// loses up to an hour of accepted orders.
func TestRegressionSnapshotsAloneAreNotDurable(t *testing.T) {
	var out bytes.Buffer
	p := redistest.StartServer(t, "--save", "3600 1 300 100 60 10000")
	c, err := redisconn.Open(context.Background(), "redis://"+p.Addr, slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	r, err := c.Check(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	mustLose(t, r, "Redis writes snapshots only (save 3600 1 300 100 60 10000): a crash of it loses all orders accepted since")
	if !strings.Contains(out.String(), "level=WARN msg=\"Redis writes snapshots only") {
		t.Errorf("logged %s", out.String())
	}
}

func mustBeUnfit(t *testing.T, err error, want string) {
	t.Helper()
	var unfit *redisconn.UnfitError
	switch {
	case want == "" && err != nil:
		t.Errorf("fit, but got %v", err)
	case want != "" && (!errors.As(err, &unfit) || !strings.Contains(err.Error(), want)):
		t.Errorf("got %v, want an UnfitError with %q", err, want)
	}
}

func TestCheckOfVersions(t *testing.T) {
	tests := map[string]string{
		"5.0.14": "6.2 or later",
		"6.0.16": "6.2 or later",
		"6.2.0":  "",
		"7.0.15": "",
		"10.1.0": "",
		"odd":    "",
	}
	for version, want := range tests {
		t.Run(version, func(t *testing.T) {
			_, err := open(t, "redis://"+fake(t, version, "noeviction")).Check(context.Background())
			mustBeUnfit(t, err, want)
		})
	}
}

func TestCheckTellsAllProblemsAtOnce(t *testing.T) {
	_, err := open(t, "redis://"+fake(t, "5.0.0", "allkeys-lru")).Check(context.Background())
	mustBeUnfit(t, err, "noeviction")
	mustBeUnfit(t, err, "6.2 or later")
}

func TestCheckWarnsOnceOfAForgetfulRedis(t *testing.T) {
	var out bytes.Buffer
	c, err := redisconn.Open(context.Background(), "redis://"+redistest.Server(t), slog.New(slog.NewTextHandler(&out, nil)))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for range 2 {
		if _, err := c.Check(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	if n := strings.Count(out.String(), "keeps nothing on disk"); n != 1 {
		t.Errorf("warned %d times: %s", n, out.String())
	}
}

func TestCheckOfADeadRedis(t *testing.T) {
	p := redistest.StartServer(t)
	c := open(t, "redis://"+p.Addr)
	p.Kill()
	_, err := c.Check(context.Background())
	var unreachable *redisconn.UnreachableError
	if !errors.As(err, &unreachable) {
		t.Errorf("got %v", err)
	}
}

// fake serves no more than what Open and Check ask, with a version and policy of the test's choice.
func fake(t *testing.T, version, policy string) string {
	t.Helper()
	s, err := server.NewServer("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Register("PING", func(c *server.Peer, _ string, _ []string) { c.WriteInline("PONG") })
	s.Register("INFO", func(c *server.Peer, _ string, _ []string) {
		c.WriteBulk("# Server\r\nredis_version:" + version + "\r\nmaxmemory_policy:" + policy + "\r\naof_enabled:1\r\n")
	})
	return s.Addr().String()
}
