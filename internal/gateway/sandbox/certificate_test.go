package sandbox_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/gateway/sandbox"
)

// TestCertificateIsTrusted: a client that has the file among its authorities talks to the server under each of its names, and no
// other client does.
func TestCertificateIsTrusted(t *testing.T) {
	folder := t.TempDir()
	pair, err := sandbox.Certificate(folder, []string{"sandbox", "127.0.0.1"}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	server.StartTLS()
	defer server.Close()
	text, err := os.ReadFile(filepath.Join(folder, "sandbox.pem"))
	if err != nil {
		t.Fatal(err)
	}
	trusting := x509.NewCertPool()
	trusting.AppendCertsFromPEM(text)
	for name, test := range map[string]struct {
		pool *x509.CertPool
		name string
		ok   bool
	}{
		"by its address":   {trusting, "127.0.0.1", true},
		"by its name":      {trusting, "sandbox", true},
		"by another name":  {trusting, "elsewhere", false},
		"without the file": {x509.NewCertPool(), "sandbox", false},
	} {
		conn, err := tls.Dial("tcp", server.Listener.Addr().String(), &tls.Config{RootCAs: test.pool, ServerName: test.name})
		if err == nil {
			conn.Close()
		}
		if (err == nil) != test.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestCertificateIsKeptWhileItFits(t *testing.T) {
	folder, names, now := t.TempDir(), []string{"sandbox"}, time.Now()
	leaf := func(names []string, now time.Time) []byte {
		t.Helper()
		pair, err := sandbox.Certificate(folder, names, now)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Certificate[0]
	}
	first := leaf(names, now)
	if !bytes.Equal(first, leaf(names, now.AddDate(0, 6, 0))) {
		t.Error("another one after a restart")
	}
	other := leaf([]string{"sandbox", "localhost"}, now)
	if bytes.Equal(first, other) {
		t.Error("one without a name that is asked for")
	}
	late := leaf(names, now.AddDate(1, 0, -1))
	if bytes.Equal(other, late) {
		t.Error("one that ends tomorrow")
	}
	if err := os.WriteFile(filepath.Join(folder, "sandbox-key.pem"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(late, leaf(names, now)) {
		t.Error("one without a key")
	}
	if info, err := os.Stat(filepath.Join(folder, "sandbox-key.pem")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key: %v %v", info.Mode(), err)
	}
	if _, err := sandbox.Certificate(filepath.Join(folder, "nowhere"), names, now); err == nil {
		t.Error("a folder that is not there was used")
	}
}
