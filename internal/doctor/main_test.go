package doctor_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/hpplink/hpplink/internal/redistest"
)

// TestMain has this process trust an authority of its own, in place of the system's.
func TestMain(m *testing.M) {
	folder, err := os.MkdirTemp("", "doctor-")
	if err != nil {
		panic(err)
	}
	trusted = newAuthority()
	file := filepath.Join(folder, "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: trusted.cert.Raw}), 0o600); err != nil {
		panic(err)
	}
	os.Setenv("SSL_CERT_FILE", file)
	os.Setenv("SSL_CERT_DIR", folder)
	goleak.VerifyTestMain(redistest.M{M: m}, goleak.Cleanup(func(code int) {
		os.RemoveAll(folder)
		os.Exit(code)
	}))
}

// trusted signs certificates that this process trusts.
var trusted authority

type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func newAuthority() authority {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "the doctor's tests"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign,
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(raw)
	if err != nil {
		panic(err)
	}
	return authority{cert, key}
}

// flaw is what is wrong with a certificate.
type flaw string

const (
	sound    flaw = ""
	expired  flaw = "expired"
	ending   flaw = "ending"
	stranger flaw = "stranger" // signed by an authority that nobody trusts
	foreign  flaw = "foreign"  // for another host
)

// lastDay is that of a certificate that has expired.
var lastDay = time.Now().AddDate(0, 0, -3).UTC().Format(time.DateOnly)

// certificate makes one for 127.0.0.1, as far as its flaw allows. end is its last day.
func certificate(t testing.TB, f flaw) (c tls.Certificate, end string) {
	t.Helper()
	by, last := trusted, time.Now().AddDate(1, 0, 0)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), NotBefore: time.Now().AddDate(-1, 0, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, KeyUsage: x509.KeyUsageDigitalSignature,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	switch f {
	case expired:
		last = time.Now().AddDate(0, 0, -3)
	case ending:
		last = time.Now().Add(3*24*time.Hour + time.Hour)
	case stranger:
		by = newAuthority()
	case foreign:
		template.IPAddresses, template.DNSNames = nil, []string{"other.example"}
	}
	template.NotAfter = last
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{raw}, PrivateKey: key}, last.UTC().Format(time.DateOnly)
}

// certificateFiles is certificate for programs that want files.
func certificateFiles(t testing.TB, f flaw) (certFile, keyFile string) {
	t.Helper()
	c, _ := certificate(t, f)
	key, err := x509.MarshalPKCS8PrivateKey(c.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	certFile = file(t, "cert.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Certificate[0]})))
	return certFile, file(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key})))
}

func file(t testing.TB, name, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
