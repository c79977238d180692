package doctor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/cli"
	"github.com/hpplink/hpplink/internal/redistest"
)

// scene is a deployment, sound until something is broken.
type scene struct {
	redis   string            // the address of its Redis
	env     map[string]string // its settings, without the prefix
	args    []string          // of check
	replace []string          // pairs: what stands in a wanted finding, and for what
}

// soundRedis starts a Redis as it should be: a master with a replica.
func soundRedis(t testing.TB) string {
	t.Helper()
	master := redistest.StartServer(t, "--appendonly", "yes", "--maxmemory", "1gb", "--repl-diskless-sync-delay", "0", "--min-replicas-to-write", "1")
	redistest.StartServer(t, "--replicaof", "127.0.0.1 "+portOf(master.Addr))
	await(t, "the replica", func() bool { return strings.Contains(info(t, master.Addr, "replication"), "state=online") })
	return master.Addr
}

func info(t testing.TB, addr, section string) string {
	rdb := redistest.Client(t, addr)
	defer rdb.Close()
	return rdb.Info(context.Background(), section).Val()
}

func await(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not in time", what)
		}
	}
}

// house is what all scenes share.
type house struct{ redis, gateway, mail, key, xKey, password string }

func newHouse(t testing.TB) house {
	c, _ := certificate(t, sound)
	return house{
		redis: soundRedis(t), gateway: serve(t, simulated(t, true), sound), mail: mailServer(t, mailPassword, &c, true),
		key: file(t, "api-key", apiKey), xKey: file(t, "x-api-key", xAPIKey), password: file(t, "password", mailPassword),
	}
}

// scene returns a sound deployment. The shared Redis is emptied for it.
func (h house) scene(t testing.TB) *scene {
	rdb := redistest.Client(t, h.redis)
	if err := rdb.FlushAll(context.Background()).Err(); err != nil {
		t.Fatal(err)
	}
	return &scene{redis: h.redis, env: map[string]string{
		"REDIS": "redis://" + h.redis, "GATEWAY_URL": h.gateway, "API_KEY_FILE": h.key, "X_API_KEY_FILE": h.xKey, "MERCHANT_ID": "M-1001",
		"MERCHANT_EMAIL": "shop@sakura.co.jp", "MAX_OPEN": "100000", "LISTEN": "127.0.0.1:0", "SMTP": "smtps://user@" + h.mail, "SMTP_PASSWORD_FILE": h.password,
	}}
}

// own has the scene use a Redis of its own, which keeps what it has and is bounded unless args say otherwise.
func (s *scene) own(t testing.TB, args ...string) *redistest.Process {
	p := redistest.StartServer(t, append([]string{"--appendonly", "yes", "--maxmemory", "1gb"}, args...)...)
	s.redis, s.env["REDIS"] = p.Addr, "redis://"+p.Addr
	return p
}

// also has more words stand for others in what is wanted.
func (s *scene) also(pairs ...string) { s.replace = append(s.replace, pairs...) }

// expected are the notes that every scene has: it is in a container of tests, and its Redis may be alone.
var expected = []string{
	"note gateway: M-1001: the gateway is on this machine, as a simulated one is → set the gateway's own URL for real payments",
	"note times: a process takes up to 1m37s to stop → give it longer than that: terminationGracePeriodSeconds, stop_grace_period, TimeoutStopSec",
	"note replicas: Redis has no replica: if its machine is lost, so are all orders → give it a replica on another machine, and a Sentinel that makes it master",
}

// finding is a line of check --json.
type finding struct {
	Subject, Level, Group, Detail, Remedy, Fault string
	Merchant                                     string `json:"merchant_id"`
	OK                                           bool
}

func (f finding) String() string {
	mark := map[string]string{"mend": "MEND", "note": "note", "fine": "ok"}[f.Level]
	text := mark + " " + f.Subject + ": " + f.Detail
	if f.Remedy != "" {
		text += " → " + f.Remedy
	}
	return text
}

// check runs the command, and returns its exit code and all findings but those about this machine.
func (s *scene) check(t *testing.T, ctx context.Context) (int, []finding) {
	t.Helper()
	for name, value := range s.env {
		t.Setenv("HPPLINK_"+name, value)
	}
	var out, errs bytes.Buffer
	code := cli.Run(ctx, append([]string{"check", "--json"}, s.args...), cli.Streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	if strings.Contains(out.String()+errs.String(), "planted") {
		t.Errorf("shows a secret:\n%s%s", out.String(), errs.String())
	}
	if errs.Len() > 0 {
		t.Errorf("on standard error: %s", errs.String())
	}
	var all []finding
	for dec := json.NewDecoder(&out); dec.More(); {
		var f finding
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		if f.OK != (f.Level != "mend") {
			t.Errorf("%+v", f)
		}
		if f.Group != "process" {
			all = append(all, f)
		}
	}
	return code, all
}

// row is a deployment that is broken in one way.
type row struct {
	name   string
	broken func(t *testing.T, s *scene)
	want   []string // all findings that are not fine, but those that every scene has
	code   int
}

func (r row) run(t *testing.T, h house) {
	s := h.scene(t)
	r.broken(t, s)
	code, all := s.check(t, context.Background())
	if code != r.code {
		t.Errorf("exit code %d, want %d", code, r.code)
	}
	var got []string
	for _, f := range all {
		if line := f.String(); f.Level != "fine" && (slices.Contains(r.want, line) || !slices.Contains(expected, line)) {
			got = append(got, line)
		}
	}
	if !matches(strings.Join(r.want, "\n"), strings.Join(got, "\n"), s) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(r.want, "\n"))
		for _, f := range all {
			t.Log(f)
		}
	}
}

// matches compares what was found with what is wanted, in which words in braces stand for what differs from time to time.
func matches(want, got string, s *scene) bool {
	pattern := regexp.QuoteMeta(strings.NewReplacer(append(s.replace, "{redis}", s.redis, "{port}", portOf(s.redis))...).Replace(want))
	pattern = strings.NewReplacer(`\{n\}`, `\d+`, `\{time\}`, `[\d.]+(µs|ms|s|h\d+m[\d.]+s)`, `\{size\}`, `[\d.]+ [MG]iB`, `\{…\}`, `.*`).Replace(pattern)
	return regexp.MustCompile("^" + pattern + "$").MatchString(got)
}

// TestSound: a sound deployment has no complaint.
func TestSound(t *testing.T) {
	s := newHouse(t).scene(t)
	code, all := s.check(t, t.Context())
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
	var subjects []string
	for _, f := range all {
		if f.Level != "fine" && !slices.Contains(expected[:2], f.String()) {
			t.Error(f)
		}
		subjects = append(subjects, f.Group+"/"+f.Subject)
	}
	want := "settings/secrets settings/times settings/HTTP redis/redis redis/access redis/persistence redis/replicas redis/memory redis/clients redis/speed redis/clock " +
		"redis/rights work/orders work/workers work/queues gateways/merchant gateways/gateway gateways/gateway gateways/keys gateways/certificate mail/mail mail/certificate"
	if got := strings.Join(subjects, " "); got != want {
		t.Errorf("looked at\n%s\nwant\n%s", got, want)
	}
}

// TestBroken: each of these is named, with what to do about it, and nothing else is.
func TestBroken(t *testing.T) {
	h := newHouse(t)
	for _, rows := range [][]row{redisRows, rightsRows, workRows, gatewayRows, mailRows, settingsRows} {
		for _, r := range rows {
			t.Run(r.name, func(t *testing.T) { r.run(t, h) })
		}
	}
	t.Log(fmt.Sprint(len(redisRows)+len(rightsRows)+len(workRows)+len(gatewayRows)+len(mailRows)+len(settingsRows)), "rows")
}
