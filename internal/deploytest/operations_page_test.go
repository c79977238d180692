package deploytest

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/redistest"
)

const operationsBound = 60 * time.Second

// person is what tells one.
const person = "PERSON-TOKYO"

func orderOf(ref, more string) string {
	return fmt.Sprintf(`{"merchant_txn_ref":%q,"amount":1000,"currency":"JPY","merchant_email":"shop@shop.example",`+
		`"return_url":{"success_url":"https://shop.example/ok"},"payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":%q}%s}`, ref, person, more)
}

// TestRestoredBackup: what an old backup does is what the page says.
func TestRestoredBackup(t *testing.T) {
	s := newShop(t)
	rdb := redistest.Client(t, s.redis)
	s.hpplink(t, orderOf("R-1", "")+"\n"+orderOf("R-2", ""), "enqueue", "-")
	if err := rdb.Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	dir := rdb.ConfigGet(t.Context(), "dir").Val()["dir"]
	file := rdb.ConfigGet(t.Context(), "dbfilename").Val()["dbfilename"]
	backup := t.TempDir()
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(backup, "dump.rdb"), text, 0o600); err != nil {
		t.Fatal(err)
	}
	before := s.work(t, "worker", 2)

	s.use(t, redistest.StartServer(t, "--dir", backup, "--dbfilename", "dump.rdb").Addr)
	open := s.sh(t, "redis-cli ZRANGE '{hpp}:queued:interactive' 0 -1")
	if got := strings.Fields(open); len(got) != 2 || !strings.Contains(open, "M-1:R-1") {
		t.Errorf("open, by the page's words: %q", got)
	}
	after := s.work(t, "worker", 2)
	for _, e := range before {
		i := slices.IndexFunc(after, func(a event) bool { return a.ID == e.ID })
		if i < 0 || e.Type != "link.issued" || after[i].Data.URL == e.Data.URL {
			t.Errorf("%+v is not published again with another link: %+v", e, after)
		}
	}
}

// TestErasing: a person is where the page says, and nowhere else, until they are erased as it says.
func TestErasing(t *testing.T) {
	s := newShop(t)
	metadata := `,"metadata":{"who":"` + person + `"}`
	for _, order := range []string{orderOf("E-1", metadata), orderOf("E-2~400", ""), orderOf("E-3", `,"currency":"???"`)} {
		add := fmt.Sprintf("redis-cli XADD '{hpp}:orders' '*' order '%s'", order)
		s.sh(t, add)
	}
	s.work(t, "worker,stream", 3)
	want := []string{"{hpp}:orders", "{hpp}:orders:dead", "{hpp}:payload:M-1:E-2%7E400", "{hpp}:results"}
	if got := s.holders(t); !slices.Equal(got, want) {
		t.Errorf("the person is in %q, want %q", got, want)
	}
	s.hpplink(t, "", "failed", "discard", "E-2~400", "--yes")
	script := strings.Replace(scriptOf(t, "### One person's data"), "taro@customer.example", person, 1)
	for _, stream := range []string{"orders:dead", "orders", "results"} {
		s.sh(t, strings.Replace(script, "'{hpp}:orders:dead'", "'{hpp}:"+stream+"'", 1))
	}
	if got := s.holders(t); len(got) > 0 {
		t.Errorf("the person is still in %q", got)
	}
}

// holders are the keys in which the person is.
func (s *shop) holders(t *testing.T) (keys []string) {
	t.Helper()
	rdb := redistest.Client(t, s.redis)
	for _, key := range rdb.Keys(t.Context(), "*").Val() {
		dump, err := rdb.Do(t.Context(), "EVAL", everything, 1, key).Text()
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if strings.Contains(dump, person) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// everything returns all that is in a key of any kind as a text.
const everything = `
local kind = redis.call("TYPE", KEYS[1]).ok
if kind == "string" then return redis.call("GET", KEYS[1]) end
local all = ({hash = {"HGETALL"}, stream = {"XRANGE", "-", "+"}, zset = {"ZRANGE", 0, -1}, list = {"LRANGE", 0, -1}, set = {"SMEMBERS"}})[kind]
table.insert(all, 2, KEYS[1])
return cjson.encode(redis.call(unpack(all)))`

// TestRemoving: the page's script leaves nothing of one namespace, and all of another.
func TestRemoving(t *testing.T) {
	s := newShop(t)
	names := func() (all []string) {
		all = redistest.Client(t, s.redis).Keys(t.Context(), "*").Val()
		slices.Sort(all)
		return all
	}
	t.Setenv("HPPLINK_NAMESPACE", "hpp-2")
	s.hpplink(t, orderOf("X-1", ""), "enqueue", "-")
	s.work(t, "worker", 1)
	s.hpplink(t, orderOf("X-2", ""), "enqueue", "-")
	others := names()
	t.Setenv("HPPLINK_NAMESPACE", "hpp")
	s.hpplink(t, orderOf("Y-1", "")+"\n"+orderOf("Y-2~400", ""), "enqueue", "-")
	s.work(t, "worker", 2)
	s.hpplink(t, orderOf("Y-3", ""), "enqueue", "--lane", "bulk", "-")
	s.sh(t, scriptOf(t, "### Removing an installation"))
	if left := names(); !slices.Equal(left, others) {
		t.Errorf("left: %q\nwant: %q", left, others)
	}
	if queues := s.sh(t, "redis-cli SMEMBERS asynq:queues"); strings.Contains(queues, "hpp-bulk") || !strings.Contains(queues, "hpp-2-") {
		t.Errorf("queues: %q", queues)
	}
}

// TestSizing: the page's figures are those that were measured, on the safe side, and not far from them.
func TestSizing(t *testing.T) {
	page := readRunbook(t)
	text, err := os.ReadFile(filepath.Join(deploy, "PERFORMANCE.md"))
	if err != nil {
		t.Fatal(err)
	}
	says := func(pattern string) float64 {
		t.Helper()
		return figure(t, page, pattern)
	}
	measured := func(row string) (highest float64) {
		t.Helper()
		for _, m := range regexp.MustCompile(`(?m)^`+row+` .* ([\d.,]+) \([\d.,-]+\)$`).FindAllStringSubmatch(string(text), -1) {
			n, _ := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
			highest = max(highest, n)
		}
		if highest == 0 {
			t.Fatalf("PERFORMANCE.md has no row %s", row)
		}
		return highest
	}
	for what, x := range map[string]struct{ says, least, most float64 }{
		"an open order":     {says(`open orders, of 750 bytes each \| ([\d.]+) `) * 1000, measured("bytes/open order"), 1.5},
		"a settled order":   {says(`settled orders, .* \| ([\d.]+) `) * 1000, measured("bytes/settled order"), 1.5},
		"a result":          {says(`results, kept for the retention \| ([\d.]+) `) * 1000, measured("bytes/result"), 1.5},
		"a worker's second": {1000 / says(`\| worker \| ([\d,]+) links`), measured("worker CPU s/1,000 links"), 2},
		"Redis' second":     {1000 / says(`\| Redis \| ([\d,]+) links`), measured("Redis CPU s/1,000 links"), 2},
		"a worker's memory": {says(`100 calls at once, (\d+) MiB with 400`), measured("worker's peak memory, MiB"), 1.5},
	} {
		if x.says < x.least || x.says > x.least*x.most {
			t.Errorf("%s: the page says %v, measured is %v", what, x.says, x.least)
		}
	}
}

// figure reads a number off a text.
func figure(t *testing.T, text, pattern string) float64 {
	t.Helper()
	m := regexp.MustCompile(pattern).FindStringSubmatch(text)
	if m == nil {
		t.Fatalf("there is no %s", pattern)
	}
	n, err := strconv.ParseFloat(strings.ReplaceAll(m[1], ",", ""), 64)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
