package mail

import (
	"context"
	"crypto/tls"
	"fmt"
)

// CheckError says why the mail server would take no email.
type CheckError struct {
	Answer
	cause error
}

// Error is one line.
func (e *CheckError) Error() string { return fmt.Sprintf("%s: %s: %s", e.Outcome, e.Code, e.Message) }

// Unwrap gives what the network or TLS said. It may quote addresses.
func (e *CheckError) Unwrap() error { return e.cause }

// Check connects and logs in, or makes sure of a connection there is, without sending anything. The error is a *CheckError.
func (s *Sender) Check(ctx context.Context) error {
	_, err := s.Examine(ctx)
	return err
}

// Examine is Check, and tells how the connection is encrypted: nil if it is not.
func (s *Sender) Examine(ctx context.Context) (state *tls.ConnectionState, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()
	f := s.with(ctx, func(c *session) *fault {
		if now, ok := c.client.TLSConnectionState(); ok {
			state = &now
		}
		return c.reset()
	})
	if f == nil {
		return state, nil
	}
	a := f.answer(ctx, words{message: &Message{}, target: s.target, password: s.config.Password})
	return nil, &CheckError{Answer: a, cause: f.err}
}

// Encrypted reports whether emails, and the password, go over the network encrypted or not at all.
func (s *Sender) Encrypted() bool { return s.target.security != none || isLoopback(s.target.host) }
