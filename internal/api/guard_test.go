package api_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/api"
)

func TestTokens(t *testing.T) {
	b := newBench(t, withTokens(map[string]string{"shop": "s3cret", "billing": "an0ther"}))
	for name, c := range map[string]struct {
		authorization string
		status        int
	}{
		"first":        {"Bearer s3cret", 404},
		"second":       {"bearer  an0ther", 404},
		"none":         {"", 401},
		"empty":        {"Bearer ", 401},
		"another":      {"Bearer s3cres", 401},
		"shorter":      {"Bearer s3cre", 401},
		"longer":       {"Bearer s3crets", 401},
		"a name":       {"Bearer shop", 401},
		"both":         {"Bearer s3cretan0ther", 401},
		"basic":        {"Basic s3cret", 401},
		"without type": {"s3cret", 401},
	} {
		t.Run(name, func(t *testing.T) {
			a := b.do(request{method: http.MethodGet, path: "/v1/orders/M1/r", header: map[string]string{"Authorization": c.authorization}}).want(t, c.status)
			if challenged := a.header.Get("WWW-Authenticate") != ""; challenged != (c.status == 401) {
				t.Errorf("%v", a.header)
			}
		})
	}
	// With tokens any name and origin will do: no browser adds a token by itself.
	b.do(request{method: http.MethodPost, path: "/v1/orders", host: "pay.example", body: event(),
		header: map[string]string{"Authorization": "Bearer s3cret", "Origin": "https://shop.example"}}).want(t, http.StatusAccepted)
	for _, open := range []string{"/healthz", "/readyz", "/openapi.json", "/openapi.yaml", "/docs"} {
		b.get(open).want(t, http.StatusOK)
	}
}

func TestWithoutTokensOnlyThisMachineIsServed(t *testing.T) {
	b := newBench(t)
	for host, status := range map[string]int{
		"localhost": 404, "LOCALHOST:8080": 404, "127.0.0.1": 404, "127.9.9.9:1": 404, "[::1]": 404, "[::1]:80": 404, "[::ffff:127.0.0.1]:80": 404,
		"evil.example": 403, "localhost.evil.example": 403, "10.0.0.1": 403, "127.0.0.1.evil.example:80": 403, "[::2]:80": 403, "0.0.0.0": 403,
	} {
		b.do(request{method: http.MethodGet, path: "/v1/orders/M1/r", host: host}).want(t, status)
	}
	for _, header := range []map[string]string{
		{"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"},
	} {
		b.do(request{method: http.MethodPost, path: "/v1/orders", body: event(), header: header}).want(t, http.StatusForbidden)
	}
	b.do(request{method: http.MethodPost, path: "/v1/orders", body: event(), header: map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": b.url}}).want(t, http.StatusAccepted)
}

func TestTokensThatCanNotBe(t *testing.T) {
	for _, byName := range []map[string]string{{"a": ""}, {"a": "x y"}, {"a": "schlüssel"}, {"a": "x\n"}, {"a": "same-one", "b": "same-one"}} {
		_, err := api.NewTokens(byName)
		if err == nil {
			t.Errorf("%q pass", byName)
		}
		for _, secret := range byName {
			if secret != "" && strings.Contains(fmt.Sprint(err), secret) {
				t.Errorf("%v tells it", err)
			}
		}
	}
	tokens, err := api.NewTokens(map[string]string{"a": "s3cret"})
	if text := fmt.Sprintf("%v %+v %#v", tokens, tokens, tokens); err != nil || strings.Contains(text, "s3cret") {
		t.Errorf("%v %s", err, text)
	}
}

func TestContentTypes(t *testing.T) {
	b := newBench(t)
	for _, c := range []struct {
		path, kind, encoding string
		status               int
	}{
		{"/v1/orders", "application/json", "", 422},
		{"/v1/orders", "Application/JSON; Charset=UTF-8", "", 422},
		{"/v1/orders", "application/json", "identity", 422},
		{"/v1/orders", "application/json; charset=shift_jis", "", 415},
		{"/v1/orders", "application/json", "gzip", 415},
		{"/v1/orders", "application/x-www-form-urlencoded", "", 415},
		{"/v1/orders", "application/x-ndjson", "", 415},
		{"/v1/orders", ";", "", 415},
		{"/v1/orders/batch", "application/x-ndjson", "", 200},
		{"/v1/orders/batch", "application/jsonl", "", 200},
		{"/v1/orders/batch", "application/json", "", 415},
		{"/v1/orders/M1/r/replay", "application/json", "", 404},
		{"/v1/orders/M1/r/replay", "text/plain", "", 415},
	} {
		b.do(request{method: http.MethodPost, path: c.path, body: "{}", header: map[string]string{"Content-Type": c.kind, "Content-Encoding": c.encoding}}).want(t, c.status)
	}
}

func TestOtherTokensTakeEffectAtOnce(t *testing.T) {
	b := newBench(t, withTokens(map[string]string{"shop": "s3cret"}))
	tokens, err := api.NewTokens(map[string]string{"shop": "an0ther"})
	if err != nil {
		t.Fatal(err)
	}
	get := func(secret string, want int) {
		t.Helper()
		b.do(request{method: http.MethodGet, path: "/v1/orders/M1/none", header: map[string]string{"Authorization": "Bearer " + secret}}).want(t, want)
	}
	get("s3cret", http.StatusNotFound)
	b.api.SetTokens(tokens)
	get("s3cret", http.StatusUnauthorized)
	get("an0ther", http.StatusNotFound)
}
