package mail

import (
	"bytes"

	"github.com/hpplink/hpplink/internal/merchant"
)

// LargeMessage returns a message with so much more in it.
func LargeMessage(m *Message, bytesMore int) *Message {
	large := *m
	line := append(bytes.Repeat([]byte("x"), 76), "\r\n"...)
	large.raw = append(large.Raw(), bytes.Repeat(line, bytesMore/len(line))...)
	return &large
}

// Judge is what a reply means at a stage.
func Judge(at string, code int, enhanced, said string) Outcome {
	return judge(stage(at), code, enhanced, said)
}

// FormatAmount writes an amount for a language.
var FormatAmount = formatAmount

// Clean is what becomes of a server's words.
func Clean(m *Message, user string, password merchant.Secret, said string) string {
	return words{m, &target{user: user}, password}.clean(said)
}
