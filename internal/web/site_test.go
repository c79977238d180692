package web_test

import (
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/partition"
	"github.com/hpplink/hpplink/internal/web"
)

// site is one without Redis and network: for what needs neither, such as time that passes at once.
type site struct {
	*web.Site
	mux *http.ServeMux
}

func newSite(t *testing.T, changes ...config) *site {
	t.Helper()
	away := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1"})
	c := web.Config{Redis: away, Ledger: partition.Single(ledger.New(away, "hpp", 0)), Asynq: asynq.RedisClientOpt{Addr: "127.0.0.1:1"}, Log: slog.New(slog.DiscardHandler)}
	for _, change := range changes {
		change(&c)
	}
	s := &site{web.New(c), http.NewServeMux()}
	s.Mount(s.mux)
	t.Cleanup(func() {
		if err := errors.Join(s.Close(), away.Close()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *site) get(path string, c *http.Cookie) int {
	r := httptest.NewRequest(http.MethodGet, "http://127.0.0.1"+path, nil)
	r.AddCookie(c)
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w.Code
}

func (s *site) post(path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "http://127.0.0.1"+path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	s.mux.ServeHTTP(w, r)
	return w
}

func (s *site) logIn(t *testing.T, token string) *http.Cookie {
	t.Helper()
	res := s.post("/login", url.Values{"token": {token}}).Result()
	if res.StatusCode != http.StatusSeeOther || len(res.Cookies()) != 1 {
		t.Fatalf("%d %v", res.StatusCode, res.Cookies())
	}
	return res.Cookies()[0]
}
