package hostile_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
)

// mailed is an order with all that is planted in it, the link of which goes to a planted recipient.
func mailed(ref, to string) string {
	return person(wellMerchant, ref, false, "delivery", `{"email":{"to":`+quoted(planted[to])+`,"name":`+quoted(planted["to_name"])+`,"locale":"ja"}}`)
}

// plantMails hands in orders with an email at every door: emails that go out, are refused, and are not taken yet.
func (w *watchedSystem) plantMails(t *testing.T, said *strings.Builder) {
	t.Helper()
	for _, d := range doors {
		fmt.Fprintln(said, d.hand(t, w.system, []string{mailed(d.name+"-mail", "to"), mailed(d.name+"-mail-refused", "to refused"), mailed(d.name+"-mail-delayed", "to delayed")}))
	}
	for _, d := range doors {
		w.awaitMail(t, d.name+"-mail", ledger.MailSent)
		w.awaitMail(t, d.name+"-mail-refused", ledger.MailFailed)
		eventually(t, "an email was not taken yet", func() bool { return w.email(t, d.name+"-mail-delayed").Attempts > 0 })
	}
}

func (w *watchedSystem) email(t *testing.T, ref string) ledger.Email {
	t.Helper()
	r, _, err := w.base.Ledger.Get(ctx, order.Key{MerchantID: wellMerchant, Ref: ref})
	if err != nil {
		t.Fatal(err)
	}
	return r.Email
}

func (w *watchedSystem) awaitMail(t *testing.T, ref string, state ledger.MailState) {
	t.Helper()
	eventually(t, ref+" is "+string(state), func() bool { return w.email(t, ref).State == state })
}

// holdMails has a merchant's emails held, because the mail server refuses the sender.
func (w *watchedSystem) holdMails(t *testing.T) {
	t.Helper()
	w.refuseLogins()
	w.request(t, http.MethodPost, "/v1/orders", "application/json", mailed("mail-held", "to"))
	eventually(t, "emails are held", func() bool {
		all, err := w.base.Ledger.MailBreakers(ctx)
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(all, func(b ledger.Breaker) bool { return b.Open })
	})
}

// plantWrongSecrets asks with secrets that are none, where they belong and where they do not.
func (w *watchedSystem) plantWrongSecrets(t *testing.T, said *strings.Builder) {
	t.Helper()
	for _, ask := range []struct{ path, header, value string }{
		{"/v1/orders", "Authorization", "Bearer " + planted["wrong token"]},
		{"/v1/orders", "Authorization", "Basic " + base64.StdEncoding.EncodeToString([]byte("user:"+planted["basic"]))},
		{"/v1/orders?token=" + planted["query"], "Authorization", token},
		{"/orders", "Authorization", "Bearer " + planted["wrong token"]},
		{"/orders/find?links=yes&q=" + planted["query"], "X-Api-Key", planted["api key"]},
		{"/dashboard/api/queues", "Authorization", "Bearer " + planted["wrong token"]},
		{"/metrics", "Authorization", "Bearer " + planted["wrong token"]},
		{"/login?once=", "Authorization", "Bearer " + planted["wrong token"]},
	} {
		for _, method := range []string{http.MethodGet, http.MethodPost} {
			_, text := w.visit(t, method, ask.path, nil, ask.header, ask.value)
			if !strings.Contains(ask.path, "/find") { // which says where to log in, to come back to the search
				said.WriteString(text)
			}
		}
	}
	_, text := w.visit(t, http.MethodPost, "/login", map[string][]string{"token": {planted["wrong token"]}})
	said.WriteString(text)
}

// plantByCommand runs commands with orders and secrets that are good, bad, and cut short.
func (w *watchedSystem) plantByCommand(t *testing.T, said *strings.Builder) {
	t.Helper()
	t.Setenv("HPPLINK_SMTP_PASSWORD", planted["smtp password"])
	good, bad := filepath.Join(t.TempDir(), "good.jsonl"), filepath.Join(t.TempDir(), "bad.jsonl")
	orders := []string{person("M1", "bulk-good", false), person("M1", "bulk-400", true), person("M1", "bulk-503", true), mailed("bulk-mail", "to")}
	for file, lines := range map[string][]string{good: orders, bad: badPeople("bulk-bad")} {
		lines = slices.DeleteFunc(lines, func(line string) bool { return strings.Contains(line, "\n") })
		if err := os.WriteFile(file, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	guess := strings.Replace(w.redis, w.redis[strings.IndexByte(w.redis, ':')+3:strings.IndexByte(w.redis, '@')], ":"+planted["wrong password"], 1)
	for _, args := range [][]string{
		{"bulk", "send", good, "--redis", w.redis, "--config", w.config, "--yes", "--detach"}, {"bulk", "send", bad, "--redis", w.redis, "--config", w.config, "--yes"},
		{"bulk", "send", bad, "--redis", w.redis, "--config", w.config, "--yes", "--json"}, {"bulk", "status", "--redis", w.redis, "--json"}, {"bulk", "status", "--redis", w.redis},
		{"check", "--redis", w.redis, "--config", w.config, "--smtp", w.smtp()}, {"check", "--json", "--redis", guess, "--config", w.config, "--smtp", w.smtp()},
		{"status", "--redis", guess}, {"status", "--redis", strings.Replace(w.redis, "redis:", "redis+sentinel:", 1)}, {"status", "--redis", w.redis + "/x?y=z"},
		{"failed", "list", "--email", "--redis", w.redis}, {"failed", "list", "--email", "--json", "--redis", w.redis}, {"failed", "replay", "--redis", w.redis, "--merchant-id", "M1", "http-400"},
		{"failed", "discard", "--redis", w.redis, "--merchant-id", "M1", "--yes", "http-409"}, {"surplus", "list", "--json", "--redis", w.redis},
	} {
		code, out, errs := w.run("", args...)
		fmt.Fprintln(said, args[:2], code, out, errs)
		if out+errs == "" && args[0] != "surplus" {
			t.Errorf("%q says nothing: %d", args, code)
		}
	}
}

// plantTasks leaves tasks of a plain client in all states that asynq has, with orders and other things, and returns their ids.
func (w *watchedSystem) plantTasks(t *testing.T) (ids []string) {
	t.Helper()
	client, inspector := asynq.NewClient(w.asynq), asynq.NewInspector(w.asynq)
	defer client.Close()
	defer inspector.Close()
	put := func(id, kind, queue, payload string, options ...asynq.Option) {
		t.Helper()
		options = append(options, asynq.Queue(queue), asynq.TaskID(id))
		if _, err := client.Enqueue(asynq.NewTaskWithHeaders(kind, []byte(payload), w.context), options...); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	put("kept", "link:generate", "hpp-interactive", person(wellMerchant, "kept", true), asynq.Retention(time.Hour))
	put("wrong-type", "newsletter:send", "hpp-interactive", person("M1", "wrong-type", true))
	put("broken", "link:email", "hpp-email", planted["to"])
	eventually(t, "tasks of other types are archived", func() bool {
		return w.rdb.ZCard(ctx, "asynq:{hpp-interactive}:archived").Val() > 0 && w.rdb.ZCard(ctx, "asynq:{hpp-interactive}:completed").Val() > 0
	})
	put("active", "link:generate", "hpp-interactive", person(wellMerchant, "active-slow", true))
	select {
	case <-w.slow.waiting:
	case <-time.After(patience):
		t.Fatal("the gateway was not asked for the order that it answers late")
	}
	eventually(t, "asynq tells of the task that is worked", func() bool {
		servers, err := inspector.Servers()
		return err == nil && slices.ContainsFunc(servers, func(s *asynq.ServerInfo) bool {
			return slices.ContainsFunc(s.ActiveWorkers, func(w *asynq.WorkerInfo) bool { return w.TaskID == "active" })
		})
	})
	if err := inspector.PauseQueue("hpp-bulk"); err != nil {
		t.Fatal(err)
	}
	for i, payload := range append(badPeople("paused-bad"), person("M1", "paused", false), mailed("paused-mail", "to"), planted["note"], `{"merchant_txn_ref":"r","delivery":`+quoted(planted["to"])+`}`, "["+quoted(planted["card"])+"]") {
		put(fmt.Sprint("pending-", i), "link:generate", "hpp-bulk", payload)
		put(fmt.Sprint("scheduled-", i), "link:email", "hpp-bulk", payload, asynq.ProcessIn(time.Hour))
		put(fmt.Sprint("grouped-", i), "newsletter:send", "hpp-bulk", payload, asynq.Group("g"))
		put(fmt.Sprint("archived-", i), "link:generate", "hpp-bulk", payload)
		if err := inspector.ArchiveTask("hpp-bulk", fmt.Sprint("archived-", i)); err != nil {
			t.Fatal(err)
		}
	}
	return ids
}
