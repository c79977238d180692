package sandbox_test

import (
	"encoding/json"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func TestAnswersAsDocumented(t *testing.T) {
	g := start(t, sandbox.Options{})
	r := g.do(request(g.http.URL, example))
	if r.status != 200 || !strings.HasPrefix(r.header.Get("Content-Type"), "application/json") {
		t.Fatalf("%+v", r)
	}
	var got, want map[string]any
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`).MatchString(r.text("id")) {
		t.Errorf("id %v is no UUID", got["id"])
	}
	if !regexp.MustCompile(`^` + g.http.URL + `/jp/HostedPaymentPage/[0-9A-Za-z]{8}$`).MatchString(r.text("url")) {
		t.Errorf("url %v", got["url"])
	}
	_ = json.Unmarshal([]byte(example), &want)
	delete(want, "payment_method")
	delete(got, "id")
	delete(got, "url")
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestPublicURLIsTheBaseOfLinks(t *testing.T) {
	g := start(t, sandbox.Options{PublicURL: "https://pay.example.com:8443/"})
	if u := g.post("R").text("url"); !strings.HasPrefix(u, "https://pay.example.com:8443/jp/HostedPaymentPage/") {
		t.Error(u)
	}
}

func TestAmounts(t *testing.T) {
	g := start(t, sandbox.Options{})
	for sent, echoed := range map[string]string{
		`1000`: `1000`, `12.50`: `12.50`, `"12.50"`: `12.50`, `0`: `0`, `""`: `""`, `null`: `null`,
	} {
		r := g.do(request(g.http.URL, strings.Replace(example, `1000`, sent, 1)))
		if r.status != 200 || !strings.Contains(r.body, `"amount":`+echoed+`,`) {
			t.Errorf("%s: %d %s", sent, r.status, r.body)
		}
	}
}

func TestRefuses(t *testing.T) {
	g := start(t, sandbox.Options{})
	replace := func(old, new string) string { return strings.Replace(example, old, new, 1) }
	for name, c := range map[string]struct {
		body   string
		status int
		says   []string
	}{
		"no JSON":               {`{"a":`, 400, []string{"not one valid JSON object"}},
		"twice the same":        {`{"currency":"JPY","currency":"USD"}`, 400, []string{"not one valid"}},
		"an array":              {`[]`, 400, []string{"must be a JSON object"}},
		"all missing":           {`{}`, 400, []string{"return_url is", "currency is", "merchant_id is", "merchant_email is", "payment_method is", "billing_address is required"}},
		"null object":           {replace(`{"type": "scheme", "store_payment_method": true}`, "null"), 400, []string{"payment_method is required"}},
		"object expected":       {replace(`{"type": "scheme", "store_payment_method": true}`, `"scheme"`), 406, []string{"payment_method must be an object"}},
		"wrong type":            {replace(`"M1"`, `17`), 406, []string{"merchant_id has the wrong type"}},
		"nested wrong type":     {replace(`"Tokyo"`, `17`), 406, []string{"billing_address.state has the wrong type"}},
		"long ref":              {body(strings.Repeat("京", 46)), 406, []string{"merchant_txn_ref is longer than 45"}},
		"long country":          {replace(`"JP"`, `"JPN"`), 406, []string{"billing_address.country is longer than 2"}},
		"unknown currency":      {replace(`JPY`, `XQX`), 406, []string{"currency is not"}},
		"small currency":        {replace(`JPY`, `jpy`), 406, []string{"currency is not"}},
		"negative amount":       {replace(`1000`, `-1`), 406, []string{"amount must be a plain"}},
		"exponent":              {replace(`1000`, `"1e3"`), 406, []string{"amount must be a plain"}},
		"boolean amount":        {replace(`1000`, `true`), 406, []string{"amount must be a number"}},
		"large amount":          {replace(`1000`, `12345678901`), 406, []string{"more than 10 digits"}},
		"missing and malformed": {strings.Replace(replace(`"M1"`, `""`), `1000`, `-1`, 1), 400, []string{"merchant_id is required", "amount must be"}},
		"too large":             {`{"x":"` + strings.Repeat("x", 300<<10) + `"}`, 413, []string{"larger than"}},
	} {
		r := g.do(request(g.http.URL, c.body))
		if r.status != c.status || !json.Valid([]byte(r.body)) {
			t.Errorf("%s: %d %s, want %d", name, r.status, r.body, c.status)
		}
		for _, say := range c.says {
			if !strings.Contains(r.body, say) {
				t.Errorf("%s: %s does not say %q", name, r.body, say)
			}
		}
	}
	if st := g.Stats(); st.Minted != 0 || st.Refs != 0 {
		t.Errorf("%+v", st)
	}
	if r := g.post(strings.Repeat("京", 45)); r.status != 200 {
		t.Errorf("45 characters of three bytes: %+v", r)
	}
}

func TestRefusesOtherRequests(t *testing.T) {
	g := start(t, sandbox.Options{})
	r := request(g.http.URL, example)
	r.Header.Set("Content-Type", "text/plain")
	if got := g.do(r); got.status != 406 {
		t.Errorf("text/plain: %d", got.status)
	}
	if got := g.call("GET", path, ""); got.status != 405 || got.header.Get("Allow") != "POST" {
		t.Errorf("GET: %d", got.status)
	}
	if got := g.call("POST", "/api/v1/nonsense", "{}"); got.status != 404 || !json.Valid([]byte(got.body)) {
		t.Errorf("another path: %+v", got)
	}
}

func TestKeys(t *testing.T) {
	open := start(t, sandbox.Options{})
	closed := start(t, sandbox.Options{APIKey: "secret", XAPIKey: "other"})
	for _, c := range []struct {
		g           gateway
		basic, xkey string
		status      int
	}{
		{open, "Basic any", "any", 200},
		{open, "", "any", 401},
		{open, "any", "any", 401},
		{open, "Basic ", "any", 401},
		{open, "Basic any", "", 401},
		{closed, "Basic secret", "other", 200},
		{closed, "Basic c2VjcmV0", "other", 200},
		{closed, "Basic c2VjcmV0Og==", "other", 200},
		{closed, "Basic wrong", "other", 401},
		{closed, "Basic secret", "wrong", 401},
	} {
		r := request(c.g.http.URL, example)
		r.Header.Set("Authorization", c.basic)
		r.Header.Set("x-api-key", c.xkey)
		if got := c.g.do(r); got.status != c.status || strings.Contains(got.body, "secret") {
			t.Errorf("%q, %q: %d %s", c.basic, c.xkey, got.status, got.body)
		}
	}
}

func TestSecondPostOfARef(t *testing.T) {
	for name, c := range map[string]struct {
		options sandbox.Options
		second  int
		same    bool
		minted  int64
	}{
		"mints again":   {sandbox.Options{}, 200, false, 2},
		"is idempotent": {sandbox.Options{Idempotent: true}, 200, true, 1},
		"conflicts":     {sandbox.Options{DuplicateConflict: true}, 409, false, 1},
	} {
		g := start(t, c.options)
		first, second := g.post("R"), g.post("R")
		if second.status != c.second || (first.text("url") == second.text("url")) != c.same || g.Stats().Minted != c.minted {
			t.Errorf("%s: %+v, then %+v, %+v", name, first, second, g.Stats())
		}
	}
}

func TestWithoutARefEveryPostIsAnother(t *testing.T) {
	g := start(t, sandbox.Options{DuplicateConflict: true})
	a, b := g.post(""), g.post("")
	if a.status != 200 || b.status != 200 || a.text("id") == b.text("id") || g.Stats().Doubled != 0 {
		t.Errorf("%+v %+v %+v", a, b, g.Stats())
	}
}

func TestNewTellsAllThatIsWrong(t *testing.T) {
	_, err := sandbox.New(sandbox.Options{Latency: -1, JournalLimit: -1, PublicURL: "host:80", Idempotent: true, DuplicateConflict: true})
	for _, want := range []string{"latency", "journal", "public URL", "choose one"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v does not mention %s", err, want)
		}
	}
}

func TestErrorBodiesVary(t *testing.T) {
	g := start(t, sandbox.Options{Faults: faults(t, "500")})
	var shapes []string
	for range 60 {
		r := g.post("R")
		var m map[string]any
		if err := json.Unmarshal([]byte(r.body), &m); err != nil || r.status != http.StatusInternalServerError {
			t.Fatal(r, err)
		}
		for name := range m {
			shapes = append(shapes, name)
		}
	}
	for _, name := range []string{"statusCode", "gateway_response", "failure_information", "error_message", "error"} {
		if !slices.Contains(shapes, name) {
			t.Errorf("no error body has %s", name)
		}
	}
}
