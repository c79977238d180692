package web_test

import (
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/hpplink/hpplink/internal/web"
)

func TestOneTimeLink(t *testing.T) {
	b := newBench(t)
	b.get("/login").has("a link that works once").hasNot("<form")
	link := b.site.OnceLink("/dashboard/")
	for range 3 { // programs that look what is behind a link
		b.get(link).want(http.StatusOK).has(`<form method="post" action="/login">`)
		b.do(request{method: http.MethodHead, path: link}).want(http.StatusOK)
	}
	once := onceOf(t, link)
	a := b.post("/login", url.Values{"once": {once}}).leads("/dashboard/")
	b.get("/dashboard/", a.cookies...).want(http.StatusOK)
	b.get(b.site.OnceLink("/dashboard/queues/x"), a.cookies...).leads("/dashboard/queues/x")
	again := b.post("/login", url.Values{"once": {once}}).want(http.StatusForbidden).has("used before, or is too old")
	if len(again.cookies) > 0 {
		t.Error(again.cookies)
	}
	if log := b.log.String(); strings.Contains(log, once) || !strings.Contains(log, `"by":"one-time link"`) {
		t.Error(log)
	}
	b.post("/login", url.Values{"once": {""}}).want(http.StatusForbidden)
	b.post("/login", url.Values{"token": {secret}}).want(http.StatusForbidden)
}

func onceOf(t *testing.T, link string) string {
	t.Helper()
	u, err := url.Parse(link)
	if err != nil || u.Path != "/login" || len(u.Query().Get("once")) < 26 {
		t.Fatalf("%q %v", link, err)
	}
	return u.Query().Get("once")
}

func TestOneTimeLinkIsUsedOnce(t *testing.T) {
	s := newSite(t)
	for range 50 {
		once := onceOf(t, s.OnceLink(""))
		var in atomic.Int32
		var all sync.WaitGroup
		for range 16 {
			all.Go(func() {
				if s.post("/login", url.Values{"once": {once}}).Code == http.StatusSeeOther {
					in.Add(1)
				}
			})
		}
		if all.Wait(); in.Load() != 1 {
			t.Fatalf("%d were let in", in.Load())
		}
	}
}

func TestOneTimeLinkGetsOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t)
		early, late := onceOf(t, s.OnceLink("")), onceOf(t, s.OnceLink(""))
		time.Sleep(web.OnceLife - time.Second)
		if got := s.post("/login", url.Values{"once": {early}}).Code; got != http.StatusSeeOther {
			t.Errorf("before its end: %d", got)
		}
		time.Sleep(time.Second)
		if got := s.post("/login", url.Values{"once": {late}}).Code; got != http.StatusForbidden {
			t.Errorf("after its end: %d", got)
		}
	})
}

// TestATokenClosesTheOtherDoor: neither a one-time link nor a session of one is left when there is a token.
func TestATokenClosesTheOtherDoor(t *testing.T) {
	s := newSite(t)
	res := s.post("/login", url.Values{"once": {onceOf(t, s.OnceLink(""))}}).Result()
	c := res.Cookies()[0]
	left := onceOf(t, s.OnceLink(""))
	s.SetTokens(tokens(map[string]string{"ops": secret}))
	if got := s.get("/dashboard/", c); got != http.StatusUnauthorized {
		t.Errorf("the session of before: %d", got)
	}
	if got := s.post("/login", url.Values{"once": {left}}).Code; got != http.StatusUnauthorized {
		t.Errorf("the link of before: %d", got)
	}
}

func TestWhereAOneTimeLinkLeads(t *testing.T) {
	s := newSite(t)
	for next, want := range map[string]string{"/dashboard/": "/dashboard/", "/orders?state=failed&x=1": "/orders?state=failed&x=1", "//evil.example": "/orders", "": "/orders"} {
		w := s.post("/login", url.Values{"once": {onceOf(t, s.OnceLink(next))}})
		if got := w.Header().Get("Location"); w.Code != http.StatusSeeOther || got != want {
			t.Errorf("%q leads to %q (%d)", next, got, w.Code)
		}
	}
}
