package hostile_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/results"
)

func good(ref string) string {
	quoted, err := json.Marshal(ref)
	if err != nil {
		panic(err)
	}
	return strings.ReplaceAll(with("merchant_txn_ref", string(quoted)), never, once)
}

// TestRefused hands every bad event in at every door, a good one behind each.
func TestRefused(t *testing.T) {
	if n := len(refused) + len(taken) + len(oddRefs); n < 70 {
		t.Errorf("the tables have %d rows", n)
	}
	redistest.Each(t, func(t *testing.T, addr string) {
		s := newSystem(t, addr, nil)
		for _, d := range doors {
			s.refuses(t, d)
		}
		s.idle(t)
		s.stop() // asynq's servers repeat, for some seconds, the tasks that they work
		s.holdsNothingOf(t, never)
		if !strings.Contains(s.content(t)[keys.DeadLetters()], never) {
			t.Error("the dead letters hold nothing either: was anything sent?")
		}
		for _, d := range doors {
			for i, r := range refused {
				if k := (order.Key{MerchantID: "M1", Ref: fmt.Sprint(d.name, i)}); d.carries(r.event) && s.gateway.asked(k) != 1 {
					t.Errorf("%s: the order behind %q went to the gateway %d times", d.name, r.name, s.gateway.asked(k))
				}
			}
		}
	})
}

func (s *system) refuses(t *testing.T, d door) {
	t.Helper()
	var rows []row
	var events []string
	for i, r := range refused {
		if d.carries(r.event) {
			rows, events = append(rows, r), append(events, r.event, good(fmt.Sprint(d.name, i)))
		}
	}
	answers := d.hand(t, s, events)
	for i, r := range rows {
		want := r.want
		switch {
		case r.long && d.name == "http":
			want = []string{"413: the body has more than 65536 bytes, which is the most that is taken"}
		case r.long && d.name == "batch":
			want = []string{": the line is longer than the 65536 bytes that an order has at most"}
		}
		if got := answers[2*i]; got.status != "rejected" || !slices.Equal(got.errors, want) {
			t.Errorf("%s: %s: %s\n got %q\nwant %q", d.name, r.name, got.status, got.errors, want)
		}
		if next := answers[2*i+1]; next.status == "rejected" {
			t.Errorf("%s: the order behind %q was refused: %q", d.name, r.name, next.errors)
		}
	}
}

// holdsNothingOf looks into everything that Redis has, but what came as it came and its dead letters.
func (s *system) holdsNothingOf(t *testing.T, texts ...string) {
	t.Helper()
	for key, all := range s.content(t) {
		if key == keys.Orders() || key == keys.DeadLetters() {
			continue
		}
		for _, text := range texts {
			if at := strings.Index(all, text); at >= 0 {
				t.Errorf("%s holds %q: …%s…", key, text, all[max(0, at-80):min(len(all), at+80)])
			}
		}
	}
}

// content is everything in Redis, by its key.
func (s *system) content(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	scan := s.rdb.Scan(ctx, 0, "*", 1000).Iterator()
	for scan.Next(ctx) {
		key := scan.Val()
		var v any
		var err error
		switch s.rdb.Type(ctx, key).Val() {
		case "string":
			v, err = s.rdb.Get(ctx, key).Result()
		case "hash":
			v, err = s.rdb.HGetAll(ctx, key).Result()
		case "set":
			v, err = s.rdb.SMembers(ctx, key).Result()
		case "zset":
			v, err = s.rdb.ZRange(ctx, key, 0, -1).Result()
		case "list":
			v, err = s.rdb.LRange(ctx, key, 0, -1).Result()
		case "stream":
			v, err = s.rdb.XRange(ctx, key, "-", "+").Result()
		}
		if err != nil && s.rdb.Exists(ctx, key).Val() == 1 {
			t.Fatalf("%s: %v", key, err)
		}
		all[key] = key + " " + fmt.Sprint(v)
	}
	if err := scan.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// TestTaken hands every odd but good event in at every door: it is one order, with one link, found by its name everywhere.
func TestTaken(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		s := newSystem(t, addr, nil)
		var events []string
		var want []order.Key
		for i, r := range taken {
			k := order.Key{MerchantID: "M1", Ref: fmt.Sprint("row ", i)}
			if r.name == "the odd merchant" {
				k.MerchantID = oddMerchant
			}
			event := strings.Replace(r.event, `"merchant_txn_ref":"r"`, fmt.Sprintf(`"merchant_txn_ref":%q`, k.Ref), 1)
			events, want = append(events, event), append(want, k)
		}
		for _, ref := range oddRefs {
			events, want = append(events, good(ref)), append(want, order.Key{MerchantID: "M1", Ref: ref})
		}
		for i, d := range doors {
			answers := d.hand(t, s, events)
			for at, k := range want {
				expected := "known"
				if i == 0 {
					expected = "accepted"
				}
				if got := answers[at]; got.status != expected && (got.status != "" || d.lines || d.http) {
					t.Errorf("%s: %q: %+v, want %s", d.name, k, got, expected)
				}
			}
			s.idle(t)
		}
		s.foundEverywhere(t, want)
	})
}

func (s *system) foundEverywhere(t *testing.T, want []order.Key) {
	t.Helper()
	links := map[order.Key]string{}
	for _, e := range s.results(t) {
		d, err := results.Decode[results.Issued](e)
		if err != nil || e.Type != results.LinkIssued || links[e.Key()] != "" {
			t.Errorf("%s of %q, %v", e.Type, e.Key(), err)
		}
		links[e.Key()] = d.URL
	}
	if len(links) != len(want) {
		t.Errorf("%d links of %d orders", len(links), len(want))
	}
	for _, k := range want {
		if n := s.gateway.asked(k); n != 1 || links[k] == "" {
			t.Errorf("%q: the gateway was asked %d times, link %q", k, n, links[k])
		}
		s.shown(t, k, links[k])
	}
}

// shown looks an order up over HTTP and with the command.
func (s *system) shown(t *testing.T, k order.Key, link string) {
	t.Helper()
	segment := func(v string) string {
		if strings.Trim(v, ".") == "" {
			return strings.ReplaceAll(v, ".", "%2E")
		}
		return url.PathEscape(v)
	}
	status, body := s.request(t, http.MethodGet, "/v1/orders/"+segment(k.MerchantID)+"/"+segment(k.Ref), "", "")
	code, out, errs := s.command("", "status", "--json", "--merchant-id="+k.MerchantID, "--", k.Ref)
	for way, text := range map[string]string{"GET": body, "status": out} {
		var v struct {
			MerchantID string `json:"merchant_id"`
			Ref        string `json:"merchant_txn_ref"`
			URL        string
		}
		err := json.Unmarshal([]byte(text), &v)
		if err != nil || v.MerchantID != k.MerchantID || v.Ref != k.Ref || v.URL != link || link == "" {
			t.Errorf("%s of %q: %d, %d, %q %q %v", way, k, status, code, text, errs, err)
		}
	}
}

// TestOddEntries: what stands beside an order in an entry of the stream neither hides it nor is kept without end.
func TestOddEntries(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		s := newSystem(t, addr, nil)
		var many []any
		for i := range 10_000 {
			many = append(many, fmt.Sprint("x", i), never)
		}
		ids := map[string]int{}
		for i, entry := range [][]any{
			append(slices.Clone(many), "order", good("many")),
			append(slices.Clone(many), "order", "no"),
			{"order", "no", "order", good("last counts"), "lane", "", "\x00\xff", "\xff"},
			{"Order", good("capital")},
			{"order", good("lane"), "lane", "BULK"},
			{"", ""},
		} {
			ids[s.add(t, entry...)] = i
		}
		s.idle(t)
		want := map[int]answer{
			1: {"rejected", brokenAt(1)},
			3: {"rejected", one(`: the entry has no field "order": put the order event into it, as JSON`)},
			4: {"rejected", one(`lane: must be "interactive" or "bulk"; left out it is interactive`)},
			5: {"rejected", one(`: the entry has no field "order": put the order event into it, as JSON`)},
		}
		if got := s.rejections(t, ids); !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, want %+v", got, want)
		}
		for ref, posts := range map[string]int{"many": 1, "last counts": 1, "capital": 0, "lane": 0} {
			if n := s.gateway.asked(order.Key{MerchantID: "M1", Ref: ref}); n != posts {
				t.Errorf("%s: %d POSTs, want %d", ref, n, posts)
			}
		}
		s.stop()
		if n := strings.Count(s.content(t)[keys.DeadLetters()], never); n > 40 {
			t.Errorf("dead letters keep %d of the fields that mean nothing", n)
		}
		s.holdsNothingOf(t, never)
	})
}

// TestRegressionLongRefsInTheLog: refs of any length were written whole, of a refused order as of any other.
func TestRegressionLongRefsInTheLog(t *testing.T) {
	s := newSystem(t, redistest.Mini(t).Addr(), nil)
	long := with("merchant_txn_ref", quoted(strings.Repeat("x", 60_000)), "merchant_id", quoted(strings.Repeat("y", 5000)))
	for _, d := range doors {
		d.hand(t, s, []string{long})
	}
	s.request(t, http.MethodGet, "/v1/orders/"+strings.Repeat("y", 5000)+"/"+strings.Repeat("x", 5000), "", "")
	s.idle(t)
	for line := range strings.Lines(s.log.String()) {
		if len(line) > 1000 {
			t.Errorf("a line of %d bytes: %s…", len(line), line[:200])
		}
	}
}

// TestRegressionForgedReceipt: a refused ref with a line break in it printed a line of its own, "accepted".
func TestRegressionForgedReceipt(t *testing.T) {
	s := newSystem(t, redistest.Mini(t).Addr(), nil)
	event := with("merchant_txn_ref", `"x\naccepted  M1  forged\u001b[2J"`, "a\nb", "1")
	_, out, _ := s.command(event, "enqueue", "--config", s.config)
	s.add(t, "order", event)
	s.idle(t)
	_, listed, _ := s.command("", "results")
	for way, text := range map[string]string{"enqueue": out, "results": listed} {
		if strings.Contains(text, "\naccepted") || strings.Contains(text, "\x1b") || !strings.Contains(text, `x\naccepted  M1  forged\x1b[2J`) {
			t.Errorf("%s: %q", way, text)
		}
	}
}
