package postbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
)

// Letter is what a reader sees of an email.
type Letter struct {
	Header  mail.Header
	Subject string
	Text    string
	HTML    string // with its images within it, as a browser shows it

	images map[string]string // data: URI by Content-ID
}

// Read takes an email apart. The error says what about it is no email that programs read.
func Read(data []byte) (Letter, error) {
	m, err := mail.ReadMessage(bytes.NewReader(data))
	if err != nil {
		return Letter{}, err
	}
	l := Letter{Header: m.Header, images: map[string]string{}}
	if l.Subject, err = new(mime.WordDecoder).DecodeHeader(m.Header.Get("Subject")); err != nil {
		return l, fmt.Errorf("subject: %w", err)
	}
	if err := l.part(textproto.MIMEHeader(m.Header), m.Body); err != nil {
		return l, err
	}
	for id, image := range l.images {
		l.HTML = strings.ReplaceAll(l.HTML, "cid:"+id, image)
	}
	return l, nil
}

// part takes a part, or all parts of one that has several.
func (l *Letter) part(h textproto.MIMEHeader, body io.Reader) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	if strings.HasPrefix(kind, "multipart/") {
		return l.parts(multipart.NewReader(body, params["boundary"]))
	}
	content, err := io.ReadAll(decoded(h.Get("Content-Transfer-Encoding"), body))
	if err != nil {
		return fmt.Errorf("%s: %w", kind, err)
	}
	switch kind {
	case "text/plain":
		l.Text = string(content)
	case "text/html":
		l.HTML = string(content)
	default:
		id := strings.Trim(h.Get("Content-Id"), "<>")
		l.images[id] = "data:" + kind + ";base64," + base64.StdEncoding.EncodeToString(content)
	}
	return nil
}

func (l *Letter) parts(all *multipart.Reader) error {
	for {
		p, err := all.NextRawPart()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := l.part(p.Header, p); err != nil {
			return err
		}
	}
}

func decoded(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(encoding) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	}
	return body
}
