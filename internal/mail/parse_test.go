package mail_test

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"strings"

	"pgregory.net/rapid"
)

// part is a leaf of an email.
type part struct {
	kind    string
	id      string
	content string
}

// parsed is an email as a standard library reads it.
type parsed struct {
	header netmail.Header
	tree   string // kinds: "multipart/related(multipart/alternative(text/plain text/html) image/png)"
	parts  []part
}

func parse(t rapid.TB, raw []byte) *parsed {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	p := &parsed{header: m.Header}
	p.tree = p.walk(t, m.Header.Get("Content-Type"), "", m.Header.Get("Content-Transfer-Encoding"), m.Body)
	return p
}

func (p *parsed) walk(t rapid.TB, contentType, id, encoding string, body io.Reader) string {
	kind, params, err := mime.ParseMediaType(contentType)
	if err != nil {
		t.Fatal(err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		var inner []string
		r := multipart.NewReader(body, params["boundary"])
		for {
			sub, err := r.NextRawPart()
			if err == io.EOF {
				return kind + "(" + strings.Join(inner, " ") + ")"
			}
			if err != nil {
				t.Fatal(err)
			}
			inner = append(inner, p.walk(t, sub.Header.Get("Content-Type"), sub.Header.Get("Content-Id"), sub.Header.Get("Content-Transfer-Encoding"), sub))
		}
	}
	switch encoding {
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	default:
		t.Fatalf("%s is encoded as %q", kind, encoding)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	p.parts = append(p.parts, part{kind, id, string(content)})
	return kind
}

func (p *parsed) decoded(t rapid.TB, name string) string {
	s, err := new(mime.WordDecoder).DecodeHeader(p.header.Get(name))
	if err != nil {
		t.Fatal(err)
	}
	return s
}
