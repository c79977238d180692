package hostile_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/mail"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/worker"
)

// watchedSystem is one that does all that the program can, in every place where it tells of it: it logs all it has in both forms, is
// traced and counted, sends emails, and has pages that may change something. Its Redis asks for a password.
type watchedSystem struct {
	*system
	text      *lockedBuffer // the log, as text
	collector *collector
	box       *postbox.Box
	slow      *latch   // while it is closed, the gateway does not answer refs that end with -slow
	cookies   []string // of who looks at the pages
}

// latch is closed until it is opened.
type latch struct {
	waiting chan struct{} // somebody came
	opened  chan struct{}
	open    func()
}

func newLatch() *latch {
	l := &latch{waiting: make(chan struct{}, 100), opened: make(chan struct{})}
	l.open = sync.OnceFunc(func() { close(l.opened) })
	return l
}

func newWatchedSystem(t *testing.T) *watchedSystem {
	t.Helper()
	password := planted["redis password"]
	process := redistest.StartServer(t, "--requirepass", password)
	w := &watchedSystem{
		system: &system{
			redis: (&url.URL{Scheme: "redis", User: url.UserPassword("", password), Host: process.Addr}).String(),
			asynq: asynq.RedisClientOpt{Addr: process.Addr, Password: password}, rdb: redis.NewClient(&redis.Options{Addr: process.Addr, Password: password}),
			log: &lockedBuffer{}, sent: &lockedBuffer{}, context: carried(),
		},
		text: &lockedBuffer{}, collector: collect(t), box: openBox(t), slow: newLatch(),
	}
	t.Cleanup(func() { w.rdb.Close() })
	w.gateway = newGateway(t, w.answer(failing()))
	everything := &slog.HandlerOptions{Level: slog.Level(-100)}
	w.start(t, slog.NewMultiHandler(slog.NewJSONHandler(w.log, everything), slog.NewTextHandler(w.text, everything)), w.prepare)
	t.Cleanup(w.slow.open) // before it is stopped
	return w
}

// carried is what comes along with orders: headers of requests and tasks, fields of stream entries.
func carried() map[string]string {
	return map[string]string{
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "tracestate": "vendor=" + planted["tracestate"],
		"baggage": "user=" + planted["baggage"], "Cookie": "hpplink_session=" + planted["cookie"], "Referer": "https://shop.example/?q=" + planted["referer"],
		"X-Forwarded-For": planted["customer_ip"], "User-Agent": "shop/1 (" + planted["merchant_email"] + ")",
	}
}

// prepare has the process do more.
func (w *watchedSystem) prepare(b *app.Base, c *app.ServiceConfig) error {
	sender, err := mail.NewSender(mail.Config{
		URL: w.smtp(), Password: merchant.NewSecret(planted["smtp password"]),
	})
	if err != nil {
		return err
	}
	c.Worker.Mail, c.Worker.Templates, c.DashboardWrite = sender, worker.NewShelf(), true
	b.Watch(c.Merchants, "v0")
	return b.Trace(ctx, "v0")
}

func (w *watchedSystem) smtp() string {
	return (&url.URL{Scheme: "smtp", User: url.User(planted["smtp user"]), Host: w.box.Addr()}).String()
}

// answer repeats, in good answers too, all that the gateway was sent, and what else it knows about the customer.
func (w *watchedSystem) answer(failing func(map[string]any, string) (int, string)) func(map[string]any, string) (int, string) {
	return func(body map[string]any, raw string) (int, string) {
		if status, text := failing(body, raw); status != 0 {
			return status, text
		}
		ref, _ := body["merchant_txn_ref"].(string)
		if strings.HasSuffix(ref, "-slow") {
			w.slow.waiting <- struct{}{}
			<-w.slow.opened
		}
		body["id"], body["url"] = "link-of-"+ref, w.gateway.URL+"/pay/"+url.PathEscape(ref)
		body["transaction_details"] = map[string]string{"stored_payment_method_id": planted["stored anew"], "heard": raw}
		answer, err := json.Marshal(body)
		if err != nil {
			panic(err)
		}
		return http.StatusOK, string(answer)
	}
}

// openBox opens a mail server that repeats in its refusals whom an email was for, and who sent it.
func openBox(t *testing.T) *postbox.Box {
	t.Helper()
	box, err := postbox.Open(true, func(at postbox.Stage, to string) error {
		said := fmt.Sprintf("<%s> (%s) from %s", to, planted["to_name"], planted["smtp user"])
		switch {
		case at != postbox.Recipient:
			return nil
		case to == planted["to refused"]:
			return &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user " + said}
		case to == planted["to delayed"]:
			return &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 7, 1}, Message: "not yet, " + said}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { box.Close() })
	return box
}

// refuseLogins has the mail server repeat login and password from now on.
func (w *watchedSystem) refuseLogins() {
	w.box.Decide(func(at postbox.Stage, _ string) error {
		if at != postbox.Login && at != postbox.Sender {
			return nil
		}
		return &smtp.SMTPError{Code: 535, EnhancedCode: smtp.EnhancedCode{5, 7, 8}, Message: "wrong: " + planted["smtp user"] + " " + planted["smtp password"] +
			" " + base64.RawStdEncoding.EncodeToString([]byte("\x00"+planted["smtp user"]+"\x00"+planted["smtp password"]))}
	})
}

// collector keeps what is exported to it. It refuses the first time, and repeats its key then.
type collector struct {
	mu       sync.Mutex
	headers  string
	exported string
}

// collect has the environment ask for traces to a collector that asks for a key.
func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", server.URL)
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "x-collector-key="+planted["traces header"])
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100")
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	c.mu.Lock()
	defer c.mu.Unlock()
	first := c.exported == ""
	c.exported += string(body)
	c.headers += fmt.Sprint(r.Header)
	if first || err != nil {
		http.Error(w, "bad key "+r.Header.Get("X-Collector-Key"), http.StatusBadRequest)
	}
}

// texts are the headers that came, and the spans.
func (c *collector) texts() (headers, spans string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.headers, c.exported
}

// visit asks for something as a browser does, and returns the whole answer: its status, headers and text.
func (w *watchedSystem) visit(t *testing.T, method, path string, form url.Values, headers ...string) (int, string) {
	t.Helper()
	r, err := http.NewRequest(method, w.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Accept", "text/html")
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	for name, value := range w.context {
		r.Header.Set(name, value)
	}
	for _, c := range w.cookies {
		r.Header.Add("Cookie", c)
	}
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	fmt.Fprintln(w.sent, r.Method, r.URL, r.Header, form.Encode())
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, fmt.Sprintln(res.Status, res.Header) + string(text)
}

// logIn logs in, and returns the part of the session's cookie that is worth stealing.
func (w *watchedSystem) logIn(t *testing.T, form url.Values) string {
	t.Helper()
	status, text := w.visit(t, http.MethodPost, "/login", form)
	_, cookie, _ := strings.Cut(text, "Set-Cookie:[")
	cookie, _, found := strings.Cut(cookie, ";")
	if status != http.StatusSeeOther || !found {
		t.Fatalf("%d %s", status, text)
	}
	w.cookies = append(w.cookies, cookie)
	return cookie[strings.LastIndexByte(cookie, '.')+1:]
}
