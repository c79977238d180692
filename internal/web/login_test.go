package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/web"
)

func TestLogin(t *testing.T) {
	b := newBench(t, withToken)
	b.get("/").leads("/orders")
	b.get("/login").want(http.StatusOK).has(`name="token"`, `type="password"`).hasNot("<script", "HPPLINK_TOKEN=")
	a := b.post("/login", url.Values{"token": {" " + secret + "\n"}, "next": {"/dashboard/queues/hpp-bulk?status=retry"}}).leads("/dashboard/queues/hpp-bulk?status=retry")
	c := a.cookies[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" || c.Domain != "" || c.Secure || c.MaxAge != 12*60*60 {
		t.Errorf("%v", c)
	}
	for _, path := range inside {
		b.get(path, c).want(http.StatusOK)
	}
	b.get("/login?next=%2Fdashboard%2F", c).leads("/dashboard/")
	gone := b.do(request{method: http.MethodPost, path: "/logout", browser: true, cookies: a.cookies}).leads("/login").cookies
	if len(gone) != 1 || gone[0].Name != c.Name || gone[0].MaxAge >= 0 || gone[0].Value != "" {
		t.Errorf("%v", gone)
	}
	b.do(request{method: http.MethodGet, path: "/logout", browser: true, cookies: a.cookies}).want(http.StatusMethodNotAllowed)
	if log := b.log.String(); strings.Contains(log, secret) || strings.Contains(log, c.Value) || !strings.Contains(log, `"path":"/login","status":303`) {
		t.Error(log)
	}
}

func (b *bench) post(path string, form url.Values) *answer {
	b.t.Helper()
	return b.do(request{method: http.MethodPost, path: path, form: form, browser: true})
}

func TestWrongTokensAreToldAndSlowedDown(t *testing.T) {
	b := newBench(t, withToken)
	session := b.logIn(secret)
	for range 10 {
		a := b.post("/login", url.Values{"token": {"<script>x"}, "next": {"/dashboard/"}}).want(http.StatusUnauthorized)
		a.has("not a token that is known here", `name="next" value="/dashboard/"`).hasNot("<script")
		if len(a.cookies) > 0 {
			t.Error(a.cookies)
		}
	}
	a := b.post("/login", url.Values{"token": {secret}}).want(http.StatusTooManyRequests).has("Try again in")
	if a.header.Get("Retry-After") == "" || len(a.cookies) > 0 {
		t.Errorf("%v", a.header)
	}
	b.do(request{method: http.MethodGet, path: "/dashboard/api/queues", header: map[string]string{"Authorization": "Bearer wrong"}}).want(http.StatusTooManyRequests)
	b.get("/dashboard/", session...).want(http.StatusOK)
}

func TestNoLoginLeadsElsewhere(t *testing.T) {
	b := newBench(t, withToken)
	for next, where := range map[string]string{
		"/orders": "/orders", "/orders?state=failed&q=a%2Fb": "/orders?state=failed&q=a%2Fb", "/orders/M1/r%2F1": "/orders/M1/r%2F1", "/dashboard/": "/dashboard/",
		"": "/orders", "https://evil.example/orders": "/orders", "//evil.example/orders": "/orders", `/\evil.example/orders`: "/orders", "///evil.example": "/orders",
		"/ordersevil": "/orders", "orders": "/orders", "javascript:alert(1)": "/orders", "/logout": "/orders", "/\t/evil.example": "/orders", "%2F%2Fevil.example": "/orders",
		"/orders/../../logout": "/orders", "http:/orders": "/orders", "//user@/orders": "/orders", "/orders\r\nX: y": "/orders", "/orders#x": "/orders",
	} {
		b.post("/login", url.Values{"token": {secret}, "next": {next}}).leads(where)
	}
}

func TestALinkOfAnotherSiteIsExplained(t *testing.T) {
	b := newBench(t, withToken)
	b.do(request{method: http.MethodGet, path: "/login?next=%2Forders%2FM1%2Fr", browser: true, header: map[string]string{"Sec-Fetch-Site": "cross-site"}}).
		has(`<a href="/orders/M1/r">Go on`)
	b.get("/login?next=%2Forders").hasNot("Go on")
}

func TestSecureCookieWhereTheBrowserCameByTLS(t *testing.T) {
	b := newBench(t, withToken)
	secure := func(header map[string]string) bool {
		header["Host"] = "pay.example"
		a := b.do(request{method: http.MethodPost, path: "/login", form: url.Values{"token": {secret}}, header: header}).want(http.StatusSeeOther)
		return a.cookies[0].Secure
	}
	if !secure(map[string]string{"Origin": "https://pay.example"}) || secure(map[string]string{"Origin": "http://pay.example"}) ||
		secure(map[string]string{"X-Forwarded-Proto": "https"}) {
		t.Error("Secure follows something else than the browser's own word")
	}
}

func TestSessionsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, withToken)
		c := s.logIn(t, secret)
		time.Sleep(12*time.Hour - time.Second)
		if got := s.get("/dashboard/", c); got != http.StatusOK {
			t.Errorf("before its end: %d", got)
		}
		time.Sleep(time.Second)
		if got := s.get("/dashboard/", c); got != http.StatusUnauthorized {
			t.Errorf("after its end: %d", got)
		}
	})
}

func TestSessionsFollowTheTokens(t *testing.T) {
	with := func(byName map[string]string) config { return func(c *web.Config) { c.Tokens = tokens(byName) } }
	first := newSite(t, with(map[string]string{"ops": secret, "shop": "another-token-0123456789"}))
	c := first.logIn(t, secret)
	for name, other := range map[string]struct {
		byName map[string]string
		status int
	}{
		"the same tokens":        {map[string]string{"ops": secret, "shop": "another-token-0123456789"}, 200},
		"one token less":         {map[string]string{"ops": secret}, 200},
		"another secret":         {map[string]string{"ops": secret + "x"}, 401},
		"another name":           {map[string]string{"opz": secret}, 401},
		"another's secret":       {map[string]string{"ops": "another-token-0123456789"}, 401},
		"no token":               {nil, 401},
		"a name without a token": {map[string]string{"": secret}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			second := newSite(t, with(other.byName))
			if got := second.get("/dashboard/", c); got != other.status {
				t.Errorf("in another process: %d, want %d", got, other.status)
			}
			first.SetTokens(tokens(other.byName))
			if got := first.get("/dashboard/", c); got != other.status {
				t.Errorf("after a reload: %d, want %d", got, other.status)
			}
		})
	}
}

func TestForgedSessions(t *testing.T) {
	s := newSite(t, withToken)
	c := s.logIn(t, secret)
	parts := strings.Split(c.Value, ".")
	for _, value := range []string{
		"", ".", "..", c.Value + "x", c.Value[1:], parts[0] + "." + parts[1] + ".", "9" + c.Value, parts[0] + "." + parts[1],
		"9999999999." + parts[1] + "." + parts[2], parts[0] + ".." + parts[2], parts[0] + ".b3A." + parts[2], strings.ToUpper(c.Value),
	} {
		forged := *c
		forged.Value = value
		if got := s.get("/dashboard/", &forged); got != http.StatusUnauthorized {
			t.Errorf("%q: %d", value, got)
		}
	}
}
