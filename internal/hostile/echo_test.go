package hostile_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// person is an order with all that is planted in it, but for a delivery. pairs change it, as in with.
func person(merchantID, ref string, ascii bool, pairs ...string) string {
	text := func(name string) string {
		v, err := json.Marshal(planted[name])
		if err != nil {
			panic(err)
		}
		if ascii {
			return inASCII(string(v))
		}
		return string(v)
	}
	fields := []string{
		"merchant_id", quoted(merchantID), "merchant_txn_ref", quoted(ref), "merchant_email", text("merchant_email"),
		"return_url", `{"success_url":` + text("success_url") + `,"decline_url":` + text("decline_url") + `,"cancel_url":` + text("cancel_url") + `,"webhook_url":` + text("webhook_url") + `}`,
		"payment_method", `{"type":"scheme","stored_payment_method_id":` + text("stored") + `}`,
		"billing_address", `{"first_name":` + text("first_name") + `,"last_name":` + text("last_name") + `,"email":` + text("billing_email") +
			`,"phone_number":` + text("billing_phone") + `,"address1":` + text("address1") + `,"address2":` + text("address2") + `,"city":` + text("city") + `,"state":` + text("state") + `,"postal_code":` + text("postal_code") + `}`,
		"shipping_address", `{"name":` + text("ship_name") + `,"email":` + text("ship_email") + `,"phone_number":` + text("ship_phone") + `,"address1":` + text("ship_address1") + `,"city":` + text("ship_city") + `}`,
		"customer_ip", text("customer_ip"),
		"extra", `{"notes":[` + text("note") + `],"customer":{"document":` + text("document") + `,"born":` + text("birthday") + `},"card":` + text("card") + `}`,
		"metadata", `{` + text("metadata key") + `:` + text("metadata") + `}`,
	}
	return with(append(fields, pairs...)...)
}

func quoted(s string) string {
	v, err := json.Marshal(s)
	if err != nil {
		panic(err)
	}
	return string(v)
}

// inASCII writes a JSON text as many producers do.
func inASCII(s string) string {
	quoted := fmt.Sprintf("%+q", s)
	quoted = strings.NewReplacer(`\"`, `"`, `\\`, `\`, `\U0001f38e`, `\ud83c\udf8e`).Replace(quoted)
	return quoted[1 : len(quoted)-1]
}

// failing answers by the ref, and repeats what it was sent: another part of it each time, since messages are cut.
func failing() func(body map[string]any, raw string) (int, string) {
	var posts atomic.Int64
	return func(body map[string]any, raw string) (int, string) {
		ref, _ := body["merchant_txn_ref"].(string)
		all := parts(raw)
		part := "{" + all[int(posts.Add(1))%len(all)] + "}"
		said := quoted(part)
		for ending, answer := range map[string]struct {
			status int
			text   string
		}{
			"-400":      {400, `{"message":` + said + `}`},
			"-text":     {422, "bad " + part},
			"-error":    {400, `{"error":` + quoted("can not read "+part) + `}`},
			"-list":     {406, `{"failure_information":[{"errorcode":"1","errormessage":` + said + `}]}`},
			"-409":      {409, `{"message":` + said + `}`},
			"-500":      {500, "bad " + part},
			"-503":      {503, `{"message":` + said + `}`},
			"-mismatch": {200, `{"id":` + said + `,"url":"https://evil.example/","merchant_txn_ref":` + said + `}`},
			"-broken":   {200, part},
			"-401":      {401, `{"message":` + quoted(all[len(all)-1]) + `}`},
		} {
			if strings.HasSuffix(ref, ending) {
				return answer.status, answer.text
			}
		}
		return 0, ""
	}
}

// parts are the members of an object and of the objects in it, as they were written, and what stands behind the object.
func parts(raw string) (all []string) {
	members := map[string]json.RawMessage{}
	dec := json.NewDecoder(strings.NewReader(raw))
	if dec.Decode(&members) != nil {
		return []string{raw}
	}
	for name, value := range members {
		var inner map[string]json.RawMessage
		if json.Unmarshal(value, &inner) != nil {
			all = append(all, quoted(name)+":"+string(value))
		}
		for name, value := range inner {
			all = append(all, quoted(name)+":"+string(value))
		}
	}
	slices.Sort(all)
	return append(all, raw[dec.InputOffset():])
}

// badPeople are orders with something wrong, most of it about what is planted.
func badPeople(ref string) []string {
	p := func(pairs ...string) string { return person("M1", ref, false, pairs...) }
	value := func(name string) string { return quoted(planted[name]) }
	all := []string{
		p()[:len(p())-40], p() + p(), p("delivery", `{"email":{"to":`+value("to")+`,"name":`+value("to_name")+`}}`),
		p("delivery", `{"email":{"to":`+value("to_name")+`,"name":`+quoted(planted["to_name"]+"\n")+`,"locale":`+value("to")+`}}`),
		p("currency", value("first_name")), p("currency", value("card")), p("amount", value("card")), p("expires_at", value("birthday")), p("customer_ip", value("last_name")),
		p("merchant_email", value("to_name")), p("time_zone", quoted(strings.Repeat(planted["note"], 9))), p("merchant_emial", value("merchant_email")), p(planted["unknown key"], value("note")),
		p("payment_method", value("stored")), p("payment_method", `{"type":{"a":`+value("stored")+`},"store_payment_method":`+value("card")+`}`),
		p("return_url", `{"success_url":`+quoted("planted://"+planted["note"])+`}`), p("metadata", `{"a":[`+value("metadata")+`]}`), p("metadata", value("metadata")),
		p("extra", `{"amount":`+value("card")+`}`), p("extra", value("document")), p("billing_address", `{"country":`+value("last_name")+`}`),
		p("shipping_address", `{"country":`+value("ship_city")+`,"email":`+value("address1")+`,"postal_code":[`+value("postal_code")+`]}`),
		strings.Replace(p(), planted["first_name"], planted["first_name"]+"\xff", 1), strings.Replace(p(), planted["first_name"], planted["first_name"]+`\ud800`, 1),
		strings.Replace(p(), `"city":`, `"address1":`, 1), p("merchant_id", quoted("M9")), p("merchant_txn_ref", `""`),
	}
	for _, name := range []string{"address1", "city", "state", "postal_code", "phone_number", "email"} {
		all = append(all, p("billing_address", `{`+quoted(name)+`:`+quoted(strings.Repeat(planted["other"], 12))+`}`))
	}
	return all
}

// TestNothingOfAPersonIsRepeated plants personal data and secrets at every door, and looks for them in all that is said.
func TestNothingOfAPersonIsRepeated(t *testing.T) {
	redistest.Each(t, func(t *testing.T, addr string) {
		s := newSystem(t, addr, failing())
		said := &strings.Builder{}
		for _, d := range doors {
			s.plant(t, d, said)
		}
		s.plantOddRequests(t, said)
		s.awaitFailures(t)
		s.listEverything(t, said)
		h := newHunt(planted)
		h.look(t, "what was said", said.String(), toProducers...)
		h.look(t, "the log", s.log.String())
		s.stop() // asynq's servers repeat, for some seconds, the tasks that they work
		s.redisShows(t, h)
	})
}

var endings = []string{"-good", "-400", "-text", "-error", "-list", "-409", "-500", "-503", "-mismatch", "-broken"}

// plant hands in good and failing orders, one in conflict with another, and bad ones.
func (s *system) plant(t *testing.T, d door, said *strings.Builder) {
	t.Helper()
	var events []string
	for i, ending := range endings {
		events = append(events, person("M1", d.name+ending, i%2 == 0), person("M1", d.name+"-ascii"+ending, i%2 == 1))
	}
	events = append(events, person("M1", d.name+"-good", true, "customer_ip", `"203.0.113.9"`))
	for _, bad := range badPeople(d.name + "-bad") {
		if d.carries(bad) {
			events = append(events, bad)
		}
	}
	fmt.Fprintln(said, d.hand(t, s, events))
	if d.name == "stream" {
		s.add(t, "order", person("M1", "r", false), "lane", planted["note"], "name", planted["first_name"])
		s.add(t, "ordre", person("M1", "r", false))
	}
}

func (s *system) plantOddRequests(t *testing.T, said *strings.Builder) {
	t.Helper()
	for _, path := range []string{"/v1/orders?lane=planted-session-11", "/v1/orders?wait=planted-session-11", "/v1/orders?reissue=planted-session-11", "/planted-session-11", "/v1/orders/M1/http-good/replay"} {
		_, body := s.request(t, http.MethodPost, path, "application/json", person("M1", "query", false))
		fmt.Fprintln(said, body)
	}
	r, err := http.NewRequest(http.MethodPost, s.url+"/v1/orders", strings.NewReader(person("M1", "nobody", false)))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+planted["wrong token"])
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	_, text, errs := s.command(person("M1", "cut", false)+"\n"+person("M1", "cut", false)[:200], "enqueue", "--config", s.config)
	fmt.Fprintln(said, text, errs)
	_, text, errs = s.command("["+person("M1", "cut", false)+","+person("M1", "cut", false)[:300], "enqueue", "--config", s.config)
	fmt.Fprintln(said, text, errs)
	s.request(t, http.MethodPost, "/v1/orders", "application/json", person(oddMerchant, "last-401", false)) // which opens a breaker
}

// awaitFailures waits until every order has come to its end, or to its first wait.
func (s *system) awaitFailures(t *testing.T) {
	t.Helper()
	expected := []order.Key{{MerchantID: oddMerchant, Ref: "last-401"}}
	for _, d := range doors {
		for _, ending := range endings {
			expected = append(expected, order.Key{MerchantID: "M1", Ref: d.name + ending}, order.Key{MerchantID: "M1", Ref: d.name + "-ascii" + ending})
		}
	}
	eventually(t, "all orders were tried", func() bool {
		return s.handled() && !slices.ContainsFunc(expected, func(k order.Key) bool {
			r, found, err := s.base.Ledger.Get(ctx, k)
			return err != nil || !found || r.State == ledger.Sending || r.State == ledger.Queued && r.Why == ""
		})
	})
}

func (s *system) listEverything(t *testing.T, said *strings.Builder) {
	t.Helper()
	lists := [][]string{{"status"}, {"status", "--json"}, {"failed", "list"}, {"failed", "list", "--json"}, {"surplus", "list"}, {"status", "--merchant-id", oddMerchant, "last-401"}}
	for _, d := range doors {
		for _, ending := range endings {
			lists = append(lists, []string{"status", "--merchant-id", "M1", d.name + ending}, []string{"status", "--json", "--merchant-id", "M1", d.name + "-ascii" + ending})
		}
	}
	for _, args := range lists {
		at := 1
		if args[0] == "failed" || args[0] == "surplus" {
			at = 2
		}
		args = slices.Insert(slices.Clone(args), at, "--redis", s.redis)
		code, out, errs := s.run("", args...)
		if code != 0 || out == "" && args[0] != "surplus" {
			t.Errorf("%q: %d %q", args, code, errs)
		}
		said.WriteString(out + errs)
	}
	for _, ending := range endings {
		_, body := s.request(t, http.MethodGet, "/v1/orders/M1/http"+ending, "", "")
		said.WriteString(body)
	}
}

// redisShows looks at what others see of Redis: results, where metadata is repeated by contract, tasks and lists. The orders
// themselves are in what producers wrote, in dead letters, and in keys of their own until nothing is owed for them any more.
func (s *system) redisShows(t *testing.T, h *hunt, waiting ...string) {
	t.Helper()
	for key, all := range s.content(t) {
		switch task := key[strings.LastIndex(key, ":")+1:]; {
		case key == keys.Orders(), key == keys.DeadLetters(), s.isOwed(t, key), slices.Contains(waiting, task):
		case key == keys.Results():
			h.look(t, key, all, toProducers...)
		default:
			h.look(t, key, all)
		}
	}
}

// isOwed reports whether a key is what was ordered, of an order that a link or an email is owed for, or that may be replayed.
func (s *system) isOwed(t *testing.T, key string) bool {
	t.Helper()
	name, is := strings.CutPrefix(key, "{hpp}:payload:")
	if !is {
		return false
	}
	k, err := order.ParseKey(name)
	if err != nil {
		t.Fatal(err)
	}
	r, found, err := ledger.New(s.rdb, "hpp", 0).Get(ctx, k)
	if err != nil || !found {
		t.Fatal(k, found, err)
	}
	done := r.Email.State == ledger.NoMail || r.Email.State == ledger.MailSent
	return r.State != ledger.Issued || !done
}
