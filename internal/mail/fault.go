package mail

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"syscall"
)

// stage is how far the conversation with the mail server came.
type stage string

const (
	waiting    stage = "waiting for a connection"
	connecting stage = "connecting"
	greeting   stage = "greeting"
	encrypting stage = "TLS"
	login      stage = "login"
	resetting  stage = "RSET"
	sender     stage = "MAIL"
	recipient  stage = "RCPT"
	data       stage = "DATA"
	content    stage = "content"
	ending     stage = "end of the email"
)

// fault is why an email was not sent.
type fault struct {
	stage  stage
	err    error
	cutOff bool // something that was written did not go out
}

// answer classifies a fault. Once the email's end went out, only the server's reply tells what became of it.
func (f *fault) answer(ctx context.Context, w words) Answer {
	if reply, ok := errors.AsType[*textproto.Error](f.err); ok {
		return f.replied(reply, w)
	}
	a := f.broke(ctx)
	if f.stage == ending && !f.cutOff {
		a.Outcome = Unknown
		a.Message += "; whether it took the email is not known"
	}
	return a
}

var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

func (f *fault) replied(reply *textproto.Error, w words) Answer {
	a := Answer{
		Code: fmt.Sprintf("smtp_%d", reply.Code), Status: reply.Code, Enhanced: enhanced.FindString(reply.Msg),
		Message: w.clean(string(f.stage) + ": " + fmt.Sprint(reply.Code) + " " + reply.Msg),
	}
	a.Named = f.stage == recipient || f.stage == data || f.stage == ending
	a.Outcome = judge(f.stage, reply.Code, a.Enhanced, reply.Msg)
	if a.Outcome == Sent {
		return Answer{Outcome: Sent}
	}
	return a
}

// broke names why there was no reply. The words are ours: errors of the network quote addresses and what was said.
func (f *fault) broke(ctx context.Context) Answer {
	for _, reason := range []func(*fault, context.Context) (Answer, bool){(*fault).ours, (*fault).timing, (*fault).setup, (*fault).network} {
		if a, ok := reason(f, ctx); ok {
			return a
		}
	}
	switch f.stage {
	case greeting:
		return Answer{Outcome: Misconfigured, Code: "protocol", Message: "what answers there is no mail server; check host and port in its URL"}
	case encrypting:
		return untrusted
	case login: // what go-mail finds wrong with the dialogue
		return Answer{Outcome: Misconfigured, Code: "login", Message: "the login failed; try another auth in the mail server URL"}
	}
	return Answer{Outcome: Retry, Code: "protocol", Message: "the mail server answered something that is no SMTP"}
}

var untrusted = Answer{Outcome: Misconfigured, Code: "tls", Message: "no trusted TLS connection to the mail server; check its certificate, host and port"}

// ours finds what we refused to go on with.
func (f *fault) ours(context.Context) (Answer, bool) {
	switch {
	case errors.Is(f.err, errClosed):
		return Answer{Outcome: Retry, Code: "closed", Message: "sending has ended"}, true
	case errors.Is(f.err, errNoSTARTTLS):
		return Answer{Outcome: Misconfigured, Code: "starttls_missing", Message: "the mail server does not offer STARTTLS, so nothing was sent; check its URL"}, true
	case errors.Is(f.err, errNoAuth):
		return Answer{Outcome: Misconfigured, Code: "auth_missing", Message: "the mail server does not offer that kind of login; check auth in its URL"}, true
	case errors.Is(f.err, errNoSMTPUTF8):
		return Answer{Outcome: Refused, Code: "smtputf8_missing", Message: "the address has other than ASCII letters before its @, which the mail server does not take (SMTPUTF8)"}, true
	case errors.Is(f.err, errTalkative):
		return Answer{Outcome: Retry, Code: "protocol", Message: "the mail server says too much"}, true
	}
	return Answer{}, false
}

func (f *fault) timing(ctx context.Context) (Answer, bool) {
	netErr, ok := errors.AsType[net.Error](f.err)
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return Answer{Outcome: Retry, Code: "cancelled", Message: "sending was cancelled"}, true
	case f.stage == waiting:
		return Answer{Outcome: Retry, Code: "busy", Message: "no connection to the mail server became free in time"}, true
	case f.stage == connecting && ok && netErr.Timeout():
		return Answer{Outcome: Retry, Code: "dial_timeout", Message: "no connection to the mail server in time"}, true
	case ctx.Err() != nil || ok && netErr.Timeout():
		return Answer{Outcome: Retry, Code: "timeout", Message: "the mail server did not answer in time: " + string(f.stage)}, true
	}
	return Answer{}, false
}

// setup finds what stays wrong until somebody changes something.
func (f *fault) setup(context.Context) (Answer, bool) {
	if dns, ok := errors.AsType[*net.DNSError](f.err); ok {
		if dns.IsTemporary && !dns.IsNotFound {
			return Answer{Outcome: Retry, Code: "dns_failed", Message: "looking up the mail server's host failed"}, true
		}
		return Answer{Outcome: Misconfigured, Code: "dns", Message: "the mail server's host cannot be resolved; check its URL"}, true
	}
	if isTLS(f.err) {
		return untrusted, true
	}
	return Answer{}, false
}

// isTLS finds alerts of the other side, which come after the handshake as well.
func isTLS(err error) bool {
	op, ok := errors.AsType[*net.OpError](err)
	return ok && op.Op == "remote error"
}

func (f *fault) network(context.Context) (Answer, bool) {
	switch {
	case errors.Is(f.err, syscall.ECONNREFUSED):
		return Answer{Outcome: Retry, Code: "connection_refused", Message: "the mail server refused the connection"}, true
	case errors.Is(f.err, syscall.EHOSTUNREACH), errors.Is(f.err, syscall.ENETUNREACH):
		return Answer{Outcome: Retry, Code: "unreachable", Message: "there is no route to the mail server"}, true
	case errors.Is(f.err, syscall.ECONNRESET), errors.Is(f.err, syscall.EPIPE):
		return Answer{Outcome: Retry, Code: "connection_reset", Message: "the mail server reset the connection: " + string(f.stage)}, true
	case errors.Is(f.err, io.EOF), errors.Is(f.err, io.ErrUnexpectedEOF):
		return Answer{Outcome: Retry, Code: "connection_closed", Message: "the mail server closed the connection: " + string(f.stage)}, true
	}
	if _, ok := errors.AsType[*net.OpError](f.err); ok {
		return Answer{Outcome: Retry, Code: "connection_failed", Message: "the connection to the mail server failed: " + string(f.stage)}, true
	}
	return Answer{}, false
}
