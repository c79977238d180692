package stub

import (
	"encoding/json"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

func post(t *testing.T, url, order string) (answer map[string]any) {
	t.Helper()
	res, err := http.Post(url, "application/json", strings.NewReader(order))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || res.StatusCode != http.StatusOK {
		t.Fatalf("%s: %v", res.Status, err)
	}
	return answer
}

func serve(t *testing.T, latency time.Duration) (url string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go New(latency).Serve(l)
	t.Cleanup(func() { l.Close() })
	return "http://" + l.Addr().String()
}

func TestGateway(t *testing.T) {
	url := serve(t, 0)
	link := url + "/api/v1/server-to-server-interface/hpp/generate/link"
	first := post(t, link, `{"merchant_id":"M","merchant_txn_ref":"r1","amount":12.50,"currency":"EUR"}`)
	again := post(t, link, `{"currency":"EUR","merchant_txn_ref":"r1","merchant_id":"M"}`)
	post(t, link, `{"merchant_id":"M","merchant_txn_ref":"r2","currency":"JPY","amount":"7"}`)

	if first["merchant_txn_ref"] != "r1" || first["merchant_id"] != "M" || first["amount"] != 12.5 || first["currency"] != "EUR" {
		t.Errorf("not the order's: %v", first)
	}
	if again["amount"] != nil || again["id"] == first["id"] || again["url"] == first["url"] || len(first["id"].(string)) != 36 {
		t.Errorf("%v after %v", again, first)
	}
	res, err := http.Get(url + CountsPath)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var c Counts
	if err := json.NewDecoder(res.Body).Decode(&c); err != nil || c != (Counts{Posts: 3, Refs: 2, Doubled: 1}) {
		t.Errorf("%+v, %v", c, err)
	}
}

func TestLatency(t *testing.T) {
	url := serve(t, 30*time.Millisecond)
	begun := time.Now()
	post(t, url+"/x", `{"merchant_txn_ref":"r"}`)
	if took := time.Since(begun); took < 30*time.Millisecond {
		t.Errorf("answered after %v", took)
	}
}

func TestAdmit(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	g, asked, done := New(0), 0, 0
	g.Admit = func() (func(), bool) { asked++; return func() { done++ }, asked > 1 }
	go g.Serve(l)
	for _, want := range []int{http.StatusTooManyRequests, http.StatusOK} {
		res, err := http.Post("http://"+l.Addr().String()+"/x", "application/json", strings.NewReader(`{"merchant_txn_ref":"r"}`))
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if again := res.Header.Get("Retry-After"); res.StatusCode != want || (again == "1") != (want == http.StatusTooManyRequests) {
			t.Errorf("%s, Retry-After %q; want %d", res.Status, again, want)
		}
	}
	if c := g.Counts(); c != (Counts{Posts: 1, Refs: 1}) || done != 1 {
		t.Errorf("%+v, %d done", c, done)
	}
}
