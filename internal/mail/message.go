package mail

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"log/slog"
	"slices"
)

// Message is one email to one recipient, ready to be sent any number of times. It prints and logs as its Message-ID only.
type Message struct {
	id       string // without angle brackets
	from, to string // the envelope's; domains in ASCII
	name     string // the customer's, to be kept out of what is said about the email
	subject  string
	text     []byte
	html     []byte
	qr       []byte // PNG; nil when there is none
	raw      []byte // with CRLF line ends
}

// ID returns the Message-ID without its angle brackets. It says nothing about the order, and is always the same for the
// same merchant, ref and generation (and domain of the sender).
func (m *Message) ID() string { return m.id }

// Raw returns the email as it goes over the wire, an .eml file.
func (m *Message) Raw() []byte { return slices.Clone(m.raw) }

// Subject returns the subject as it is read.
func (m *Message) Subject() string { return m.subject }

// needsUTF8 reports whether the server has to speak SMTPUTF8 (RFC 6531).
func (m *Message) needsUTF8() bool {
	return !isASCII(m.from) || !isASCII(m.to) || !isASCII(string(m.raw))
}

// Preview returns a message's two bodies, with the QR code within the HTML so that a browser shows it.
func Preview(m *Message) (html, text []byte) {
	inline := "data:image/png;base64," + base64.StdEncoding.EncodeToString(m.qr)
	return bytes.ReplaceAll(m.html, []byte(cidOf(m.id)), []byte(inline)), slices.Clone(m.text)
}

// Format prints the Message-ID, whatever the verb: the rest is personal.
func (m Message) Format(s fmt.State, _ rune) { io.WriteString(s, m.String()) }

// String returns the Message-ID.
func (m Message) String() string { return "email <" + m.id + ">" }

// LogValue logs the Message-ID.
func (m Message) LogValue() slog.Value { return slog.StringValue(m.String()) }
