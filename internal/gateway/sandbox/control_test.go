package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

func TestFaultsAtRunTime(t *testing.T) {
	g := start(t, sandbox.Options{})
	step := func(method, body string, status int, want string) {
		t.Helper()
		if r := g.call(method, "/_sandbox/faults", body); r.status != status || !strings.Contains(r.body, want) {
			t.Errorf("%s %q: %d %s, want %d %q", method, body, r.status, r.body, status, want)
		}
	}
	step("GET", "", 200, "\n")
	step("POST", "503\n", 200, "503\n")
	if r := g.post("R"); r.status != 503 {
		t.Errorf("%+v", r)
	}
	step("POST", "boom", 400, `"boom" is no fault`)
	step("GET", "", 200, "503\n") // a bad list changes nothing
	step("POST", strings.Repeat("x", 5000), 413, "too long")
	step("DELETE", "", 204, "")
	if r := g.post("R"); r.status != 200 {
		t.Errorf("%+v", r)
	}
	if g.Faults().String() != "" {
		t.Error(g.Faults())
	}
}

func TestFaultsAreSetFromThisMachineOnly(t *testing.T) {
	s, err := sandbox.New(sandbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	try := func(method, remote, site string) int {
		r := httptest.NewRequest(method, "/_sandbox/faults", strings.NewReader("503"))
		r.RemoteAddr = remote
		r.Header.Set("Sec-Fetch-Site", site)
		w := httptest.NewRecorder()
		s.Handler().ServeHTTP(w, r)
		return w.Code
	}
	for _, method := range []string{"POST", "DELETE"} {
		if got := try(method, "192.0.2.7:1234", ""); got != http.StatusForbidden {
			t.Errorf("%s from another host: %d", method, got)
		}
		if got := try(method, "127.0.0.1:1234", "cross-site"); got != http.StatusForbidden {
			t.Errorf("%s from another site's page: %d", method, got)
		}
	}
	if got := try("POST", "[::1]:1234", ""); got != http.StatusOK {
		t.Errorf("POST from ::1: %d", got)
	}
}

func TestJournal(t *testing.T) {
	g := start(t, sandbox.Options{})
	g.post("A")
	g.post("A")
	g.post("B~400x1")
	g.do(request(g.http.URL, "{}"))
	j := g.journal("")
	if j.Posts != 4 || j.Minted != 2 || j.Refs != 2 || len(j.Entries) != 4 {
		t.Fatalf("%+v", j)
	}
	got := ""
	for _, e := range j.Entries {
		got += fmt.Sprintf("%d %s/%s %d %d %s %t\n", e.Seq, e.MerchantID, e.Ref, e.Nth, e.Status, e.Fault, e.LinkID != "")
		if time.Since(e.Time) > time.Minute {
			t.Errorf("%+v", e)
		}
	}
	want := "1 M1/A 1 200  true\n2 M1/A 2 200  true\n3 M1/B~400x1 1 400 400 false\n4 / 0 400  false\n"
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	for query, want := range map[string]string{
		"ref=A": "1 2", "ref=C": "", "merchant_id=M1": "1 2 3", "merchant_id=M1&ref=A&after=1": "2",
		"after=3": "4", "limit=2": "1 2", "after=1&limit=2": "2 3", "after=99": "", "after=-5&limit=1": "1",
	} {
		var seqs []string
		for _, e := range g.journal(query).Entries {
			seqs = append(seqs, fmt.Sprint(e.Seq))
		}
		if got := strings.Join(seqs, " "); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for _, query := range []string{"limit=0", "limit=x", "limit=10001", "after=x"} {
		if r := g.call("GET", "/_sandbox/journal?"+query, ""); r.status != 400 {
			t.Errorf("%s: %d", query, r.status)
		}
	}
}

func TestCountersAreExactBeyondTheJournal(t *testing.T) {
	g := start(t, sandbox.Options{JournalLimit: 10})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 25 {
				g.post(fmt.Sprintf("R%d-%d", w, i))
				if i%5 == 0 {
					g.post(fmt.Sprintf("R%d-%d", w, i))
				}
			}
			g.post(fmt.Sprintf("R%d~400", w))
		})
	}
	wg.Wait()
	want := sandbox.Stats{Posts: 248, Minted: 240, Refs: 208, Without: 8, Once: 160, Doubled: 40, Faults: map[string]int64{"400": 8}}
	if d := cmp.Diff(want, g.Stats()); d != "" {
		t.Error(d)
	}
	j := g.journal("")
	if len(j.Entries) != 10 || j.Entries[0].Seq != 239 || j.Entries[9].Seq != 248 {
		t.Errorf("%+v", j)
	}
}

func TestSummary(t *testing.T) {
	g := start(t, sandbox.Options{})
	for _, ref := range []string{"A", "B", "B", "B", "C~500"} {
		g.post(ref)
	}
	got := strings.TrimSpace(g.call("GET", "/_sandbox/journal/summary", "").body)
	want := `{"posts":5,"minted":4,"refs":3,"without":1,"once":1,"doubled":1,"faults":{"500":1},` +
		`"doubled_refs":[{"merchant_id":"M1","ref":"B","minted":3}]}`
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

func TestNothingPersonalInTheJournal(t *testing.T) {
	g := start(t, sandbox.Options{})
	g.post("A")
	g.do(request(g.http.URL, strings.Replace(example, `"Tokyo"`, `17`, 1)))
	all := g.call("GET", "/_sandbox/journal", "").body + g.call("GET", "/_sandbox/journal/summary", "").body
	for _, secret := range []string{"testemail", "Shinjuku", "8112345678", "1600022", "xkey", "Basic"} {
		if strings.Contains(all, secret) {
			t.Errorf("the journal holds %s", secret)
		}
	}
	if !json.Valid([]byte(g.call("GET", "/_sandbox/journal", "").body)) {
		t.Error("no JSON")
	}
}
