package app

import (
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/api"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestPagesAndAPIOfOneProcess goes from a one-time link to a token, by a reload.
func TestPagesAndAPIOfOneProcess(t *testing.T) {
	b := open(t, redistest.Mini(t).Addr())
	_, m := slowGateway(t)
	s, err := b.Start(ctx, ServiceConfig{Merchants: m, Listen: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	}()
	jar, _ := cookiejar.New(nil)
	browser := &http.Client{Jar: jar, Transport: &http.Transport{DisableKeepAlives: true}}
	opens := func(path, at string, status int) {
		t.Helper()
		req, err := http.NewRequest(http.MethodGet, "http://"+s.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept", "text/html")
		res, err := browser.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		if body, _ := io.ReadAll(res.Body); res.StatusCode != status || res.Request.URL.Path != at {
			t.Errorf("%s leads to %s: %d %.200s", path, res.Request.URL.Path, res.StatusCode, body)
		}
	}
	opens("/dashboard/", "/login", 200)
	link, err := url.Parse(s.OnceLink())
	if err != nil || link.Host != s.Addr() {
		t.Fatalf("%v %v", link, err)
	}
	res, err := browser.PostForm("http://"+s.Addr()+"/login", url.Values{"once": {link.Query().Get("once")}})
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	opens("/dashboard/", "/dashboard/", 200)
	opens("/orders", "/orders", 200)
	opens("/v1/orders/M1/r0", "/v1/orders/M1/r0", 404)
	opens("/readyz", "/readyz", 200)

	tokens, err := api.NewTokens(map[string]string{"ops": strings.Repeat("t", 20)})
	if err != nil {
		t.Fatal(err)
	}
	s.Applied(m.All(), nil, tokens)
	opens("/orders", "/login", 200)
	opens("/v1/orders/M1/r0", "/v1/orders/M1/r0", 401)
	if link := s.OnceLink(); link != "" {
		t.Errorf("beside a token there is %s", link)
	}
}
