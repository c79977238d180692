package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"html/template"
	netmail "net/mail"
	"net/url"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Write makes a letter an email. Its errors are *WriteError.
func (t *Templates) Write(l Letter) (*Message, error) {
	e, bad := envelopeOf(&l)
	if bad == nil {
		bad = checkLink(l.URL)
	}
	if bad != nil {
		return nil, bad
	}
	m := &Message{id: e.messageID(&l), from: e.from.Address, to: e.to.Address, name: display(l.To.Name)}
	if bad := t.fill(m, &l); bad != nil {
		return nil, bad
	}
	if err := m.compose(e, &l); err != nil {
		return nil, &WriteError{Misconfigured, "template", "cannot be made an email"} // err might quote an address
	}
	return m, nil
}

// envelope is who writes to whom.
type envelope struct{ from, to, replyTo *netmail.Address }

func envelopeOf(l *Letter) (envelope, *WriteError) {
	to, problem := parsePlain(l.To.To)
	if problem != "" {
		return envelope{}, &WriteError{Refused, "to", problem}
	}
	to.Name = headerName(l.To.Name)
	from, problem := parseAddress(l.From)
	if problem != "" {
		return envelope{}, &WriteError{Misconfigured, "from", problem}
	}
	if from.Name == "" {
		from.Name = headerName(l.Merchant)
	}
	e := envelope{from: from, to: to}
	if l.ReplyTo != "" {
		if e.replyTo, problem = parseAddress(l.ReplyTo); problem != "" {
			return envelope{}, &WriteError{Misconfigured, "reply_to", problem}
		}
	}
	return e, nil
}

// checkLink refuses what html/template would not write as a link.
func checkLink(link string) *WriteError {
	u, err := url.Parse(link)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Host == "" || display(link) != link || strings.Contains(link, " ") {
		return &WriteError{Refused, "url", "is no link to a web page"}
	}
	return nil
}

// messageID is the same for the same life of an order, so that a copy sent after an unknown outcome can be known as one.
func (e *envelope) messageID(l *Letter) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s:%d", l.Key, l.Generation))
	return hex.EncodeToString(sum[:16]) + "@" + domainOf(e.from.Address)
}

// cidOf is where the HTML finds the QR code. It need be unique within the email only, but some programs look further.
func cidOf(messageID string) string { return "cid:qr." + messageID }

// fill writes subject and bodies.
func (t *Templates) fill(m *Message, l *Letter) *WriteError {
	locale, set := t.choose(l.To.Locale)
	m.qr = qrImage(l.URL)
	src := template.URL(cidOf(m.id))
	if m.qr == nil {
		src = ""
	}
	d, bad := dataOf(l, locale, src)
	if bad != nil {
		return bad
	}
	w, err := set.write(d)
	if err != nil {
		return &WriteError{Misconfigured, "template", place(err) + " fails with this order"}
	}
	if !bytes.Contains(w.text, []byte(l.URL)) || !links(w.html, l.URL) {
		return &WriteError{Misconfigured, "template", "drops the payment link of this order"}
	}
	m.subject, m.text, m.html = w.subject, w.text, w.html
	return nil
}

// place names the file and line of a template's error, whose own words may repeat what was in the order.
func place(err error) string {
	e := templateError("", err)
	e.Problem = ""
	return strings.TrimSuffix(e.Error(), ": ")
}

// compose writes the email as MIME.
func (m *Message) compose(e envelope, l *Letter) error {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	msg.FromMailAddress(e.from)
	msg.ToMailAddress(e.to)
	if e.replyTo != nil {
		msg.ReplyToMailAddress(e.replyTo)
	}
	date := l.Date
	if date.IsZero() {
		date = time.Now().UTC()
	}
	msg.SetDateWithValue(date)
	msg.SetMessageIDWithValue(m.id)
	msg.Subject(encodedWords(m.subject))
	msg.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's holiday reply is wanted
	m.addBodies(msg)
	if m.qr != nil {
		err := msg.EmbedReader("qr.png", bytes.NewReader(m.qr), gomail.WithFileContentType("image/png"),
			gomail.WithFileContentID("<"+strings.TrimPrefix(cidOf(m.id), "cid:")+">"))
		if err != nil {
			return err
		}
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		return err
	}
	m.raw = raw.Bytes()
	return checkWire(m.raw)
}

func (m *Message) addBodies(msg *gomail.Msg) {
	text, html := withCRLF(m.text), withCRLF(m.html)
	msg.SetBodyString(gomail.TypeTextPlain, string(text), gomail.WithPartEncoding(encodingOf(text)))
	msg.AddAlternativeString(gomail.TypeTextHTML, string(html), gomail.WithPartEncoding(encodingOf(html)))
}

// withCRLF ends all lines as text does in an email, before base64 too.
func withCRLF(text []byte) []byte {
	text = bytes.ReplaceAll(text, []byte("\r"), nil)
	return bytes.ReplaceAll(text, []byte("\n"), []byte("\r\n"))
}

// encodingOf chooses what makes the text shorter.
func encodingOf(text []byte) gomail.Encoding {
	foreign := 0
	for _, c := range text {
		if c >= 0x80 || c == '=' {
			foreign++
		}
	}
	if foreign*6 > len(text) { // quoted-printable: 1 + 2·share; base64: 4/3
		return gomail.EncodingB64
	}
	return gomail.EncodingQP
}

// checkWire makes sure of what the rest relies on: no line that servers may cut, none that ends without CRLF.
func checkWire(raw []byte) error {
	const most = 998 // RFC 5322
	for line := range bytes.SplitSeq(raw, []byte("\r\n")) {
		if len(line) > most || bytes.ContainsAny(line, "\r\n\x00") {
			return errors.New("a line is too long, or ends wrongly")
		}
	}
	return nil
}
