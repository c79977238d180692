package sandbox

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The files in a certificate's folder. Who trusts the first, by SSL_CERT_DIR for one, trusts the server.
const (
	certificateFile = "sandbox.pem"
	keyFile         = "sandbox-key.pem"
)

const (
	certificateLife = 365 * 24 * time.Hour
	lastDays        = 7 * 24 * time.Hour // in which it is made anew
)

// Certificate returns the certificate that is in a folder, or makes one for the names there if there is none that fits. It is kept so
// that those who trusted it go on doing so after a restart. names are host names and IP addresses.
func Certificate(folder string, names []string, now time.Time) (tls.Certificate, error) {
	certificate, key := filepath.Join(folder, certificateFile), filepath.Join(folder, keyFile)
	if pair, err := tls.LoadX509KeyPair(certificate, key); err == nil && fits(pair.Leaf, names, now) {
		return pair, nil
	}
	certificatePEM, keyPEM, err := selfSigned(names, now)
	if err != nil {
		return tls.Certificate{}, err
	}
	if err := errors.Join(replaceFile(key, keyPEM, 0o600), replaceFile(certificate, certificatePEM, 0o644)); err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(certificatePEM, keyPEM)
}

func fits(c *x509.Certificate, names []string, now time.Time) bool {
	return c != nil && now.After(c.NotBefore) && now.Before(c.NotAfter.Add(-lastDays)) &&
		!slices.ContainsFunc(names, func(name string) bool { return c.VerifyHostname(name) != nil })
}

// selfSigned makes a certificate that is its own authority, and its key, both as PEM.
func selfSigned(names []string, now time.Time) (certificate, key []byte, err error) {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		return nil, nil, err
	}
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "hpplink sandbox"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: now.Add(-time.Hour), NotAfter: now.Add(certificateLife),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		return nil, nil, err
	}
	secret, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}), nil
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte, mode os.FileMode) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // which is gone by then, if all went well
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(mode), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), path)
}
