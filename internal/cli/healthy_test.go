package cli

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// probed serves the two paths at an address, and returns the port.
func probed(t *testing.T, listen string, ready int) string {
	t.Helper()
	listener, err := net.Listen("tcp", listen)
	if err != nil {
		t.Fatalf("this machine has no %s: %v", listen, err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/healthz", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("/moved", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/healthz", http.StatusFound) })
	mux.HandleFunc("/readyz", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(ready)
		fmt.Fprint(w, `{"parts":{"redis":"not ready"}}`)
	})
	server := httptest.NewUnstartedServer(mux)
	server.Listener.Close()
	server.Listener = listener
	server.Start()
	t.Cleanup(server.Close)
	_, port, _ := net.SplitHostPort(listener.Addr().String())
	return port
}

func healthy(args ...string) (code int, said string) {
	var out bytes.Buffer
	code = Run(context.Background(), append([]string{"healthy"}, args...), Streams{In: strings.NewReader(""), Out: &out, Err: &out})
	return code, out.String()
}

// TestHealthyFindsTheProcess: however the address is written where it listens.
func TestHealthyFindsTheProcess(t *testing.T) {
	for listens, asked := range map[string][]string{
		"127.0.0.1:0": {"127.0.0.1:", "localhost:", "0.0.0.0:", ":"},
		"0.0.0.0:0":   {"0.0.0.0:", "127.0.0.1:"},
		"[::]:0":      {"[::]:", "[::1]:", ":"},
		"[::1]:0":     {"[::1]:", "[::]:", ":"}, // IPv4 answers nobody
		":0":          {":", "0.0.0.0:", "[::]:"},
	} {
		port := probed(t, listens, http.StatusOK)
		for _, a := range asked {
			if code, said := healthy("--listen", a+port); code != exitOK || said != "" {
				t.Errorf("listens at %s, asked at %s: %d %s", listens, a, code, said)
			}
			t.Setenv("HPPLINK_LISTEN", a+port)
			if code, said := healthy("--ready"); code != exitOK {
				t.Errorf("listens at %s, asked at %s by the variable: %d %s", listens, a, code, said)
			}
		}
	}
}

func TestHealthySaysNo(t *testing.T) {
	port := probed(t, "127.0.0.1:0", http.StatusServiceUnavailable)
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	gone.Close()
	here := "http://127.0.0.1:" + port
	for name, test := range map[string]struct {
		args []string
		code int
		says string
	}{
		"alive":           {[]string{"--listen", "127.0.0.1:" + port}, exitOK, ""},
		"not ready":       {[]string{"--listen", ":" + port, "--ready"}, exitFailed, `redis":"not ready`},
		"by URL":          {[]string{"--url", here + "/healthz"}, exitOK, ""},
		"by URL, not":     {[]string{"--url", here + "/nowhere"}, exitFailed, "404"},
		"sent elsewhere":  {[]string{"--url", here + "/moved"}, exitFailed, "302"},
		"nobody there":    {[]string{"--listen", gone.Addr().String()}, exitFailed, "refused"},
		"any port":        {[]string{"--listen", ":0"}, exitUsage, "port 0"},
		"no address":      {[]string{"--listen", "8080"}, exitUsage, "no address"},
		"no URL":          {[]string{"--url", "localhost:8080"}, exitUsage, "no URL"},
		"not a web's URL": {[]string{"--url", "redis://localhost"}, exitUsage, "no URL"},
	} {
		if code, said := healthy(test.args...); code != test.code || !strings.Contains(said, test.says) {
			t.Errorf("%s: %d %q, want %d %q", name, code, said, test.code, test.says)
		}
	}
}

// TestHealthyIsQuick: one that takes connections and says nothing must not keep the health check longer than its time-out.
func TestHealthyIsQuick(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	begun := time.Now()
	code, said := healthy("--listen", silent.Addr().String())
	if took := time.Since(begun); code != exitFailed || took > 2*time.Second {
		t.Errorf("%d %q after %v", code, said, took)
	}
}
