package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// inside are paths that need a login.
var inside = []string{"/orders", "/dashboard/", "/dashboard/api/queues", "/dashboard/queues/hpp-bulk", "/dashboard/static/js/main.5adda2da.chunk.js"}

func TestNobodyGetsInWithoutALogin(t *testing.T) {
	for name, b := range map[string]*bench{"tokens": newBench(t, withToken), "no tokens": newBench(t)} {
		t.Run(name, func(t *testing.T) {
			for _, path := range inside {
				b.get(path).leads("/login?next=" + url.QueryEscape(path))
				b.do(request{method: http.MethodGet, path: path}).want(http.StatusUnauthorized)
			}
			b.do(request{method: http.MethodPost, path: "/dashboard/api/queues/hpp-bulk:pause", browser: true}).want(http.StatusUnauthorized)
			b.do(request{method: http.MethodGet, path: "/dashboard/api/queues", header: map[string]string{"Sec-Fetch-Dest": "empty", "Accept": "text/html"}}).
				want(http.StatusUnauthorized)
		})
	}
}

func TestBearer(t *testing.T) {
	b := newBench(t, withToken)
	for authorization, status := range map[string]int{
		"Bearer " + secret: 200, "bearer  " + secret: 200, "Bearer " + secret + "x": 401, "Bearer " + secret[1:]: 401,
		"Bearer ": 401, "Basic " + secret: 401, "Bearer ops": 401,
	} {
		b.do(request{method: http.MethodGet, path: "/dashboard/api/queues", header: map[string]string{"Authorization": authorization}}).want(status)
	}
}

func TestCrossOriginRequestsDoNothing(t *testing.T) {
	b := newBench(t, withToken, writable)
	cookies := b.logIn(secret)
	for _, header := range []map[string]string{
		{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, {"Sec-Fetch-Site": "", "Origin": "null"},
	} {
		for _, r := range []request{
			{method: http.MethodPost, path: "/dashboard/api/queues/hpp-bulk:pause"},
			{method: http.MethodDelete, path: "/dashboard/api/queues/hpp-bulk"},
			{method: http.MethodPost, path: "/login", form: url.Values{"token": {secret}}},
			{method: http.MethodPost, path: "/logout"},
		} {
			r.browser, r.header, r.cookies = true, header, cookies
			if a := b.do(r).want(http.StatusForbidden).has("another origin"); len(a.cookies) != 0 {
				t.Errorf("%s %s: %v", r.method, r.path, a.cookies)
			}
		}
	}
}

func TestReadOnly(t *testing.T) {
	b := newBench(t, withToken)
	cookies := b.logIn(secret)
	for _, method := range []string{http.MethodPost, http.MethodDelete, http.MethodPut, http.MethodPatch, "PROPFIND", http.MethodOptions} {
		for _, path := range []string{"/dashboard/api/queues/hpp-bulk", "/dashboard/api/queues/hpp-bulk:pause", "/dashboard/"} {
			a := b.do(request{method: method, path: path, browser: true, cookies: cookies}).want(http.StatusMethodNotAllowed)
			if a.header.Get("Allow") != "GET, HEAD" {
				t.Errorf("%v", a.header)
			}
		}
	}
	b.get("/dashboard/", cookies...).want(http.StatusOK).has(`FLAG_READ_ONLY="true"`)
}

func TestWritableDashboardWrites(t *testing.T) {
	b := newBench(t, withToken, writable)
	b.submit("r1", "bulk")
	cookies := b.logIn(secret)
	b.get("/dashboard/", cookies...).want(http.StatusOK).has(`FLAG_READ_ONLY="false"`)
	b.do(request{method: http.MethodPost, path: "/dashboard/api/queues/hpp-bulk:pause", browser: true, cookies: cookies}).want(http.StatusNoContent)
	b.get("/dashboard/api/queues/hpp-bulk", cookies...).has(`"paused":true`)
	if line := `"path":"/dashboard/api/queues/hpp-bulk:pause","status":204`; !strings.Contains(b.log.String(), line) || !strings.Contains(b.log.String(), `"by":"ops"`) {
		t.Errorf("%s is missing in %s", line, b.log)
	}
}

func TestEveryAnswerHasItsHeaders(t *testing.T) {
	b := newBench(t, withToken)
	cookies := b.logIn(secret)
	for _, path := range append([]string{"/", "/login", "/nothing", "/assets/icon.svg", "/orders/none", "/dashboard"}, inside...) {
		for _, a := range []*answer{b.get(path), b.get(path, cookies...), b.do(request{method: http.MethodPost, path: path, header: map[string]string{"Sec-Fetch-Site": "cross-site"}})} {
			if path == "/nothing" {
				continue // it is not the site's
			}
			policy := a.header.Get("Content-Security-Policy")
			for _, part := range []string{"default-src 'none'", "script-src 'self'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'self'"} {
				if !strings.Contains(policy, part) {
					t.Errorf("%s: no %s in %q", path, part, policy)
				}
			}
			if strings.Contains(policy, "unsafe") || strings.Contains(policy, "*") || strings.Contains(policy, "http") {
				t.Errorf("%s: %q", path, policy)
			}
			for name, want := range map[string]string{"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin"} {
				if got := a.header.Get(name); got != want {
					t.Errorf("%s: %s is %q", path, name, got)
				}
			}
			if got := a.header.Get("Cache-Control"); got != "no-store" && !strings.HasPrefix(path, "/assets/") && !strings.HasSuffix(path, ".js") {
				t.Errorf("%s may be kept: %q", path, got)
			}
		}
	}
}
