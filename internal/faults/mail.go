//go:build faults

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/postbox"
	"github.com/hpplink/hpplink/internal/results"
)

func recipientOf(i int) string { return "c" + refOf(i) + "@customer.example" }

// openBox starts the row's mail server, if it has emails.
func (s *system) openBox() {
	s.t.Helper()
	if !s.row.mail {
		return
	}
	box, err := postbox.Open(true, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { box.Close() })
	s.box = box
}

func (s *system) mailEnv() []string {
	if s.box == nil {
		return nil
	}
	return []string{"HPPLINK_SMTP=smtp://user@" + s.box.Addr(), "HPPLINK_SMTP_PASSWORD=p"}
}

// awaitMailers waits until the door takes orders with an email.
func (s *system) awaitMailers() {
	s.t.Helper()
	if s.box == nil {
		return
	}
	s.await("a worker that sends emails", func() error {
		up, err := s.base.Ledger.HasMailers(context.Background())
		if err == nil && !up {
			err = errors.New("none so far")
		}
		return err
	})
}

// mailRestart has the mail server end its connections, and answer new ones as the judge says.
func (s *system) mailRestart(j postbox.Judge) {
	s.t.Helper()
	s.box.Decide(j)
	if err := errors.Join(s.box.Down(), s.box.Up()); err != nil {
		s.t.Fatal(err)
	}
}

// allMailed is content once the email of every order went out or was given up.
func (s *system) allMailed() error {
	events, _, err := s.results.seen()
	n := 0
	for _, e := range events {
		if e.Type == results.EmailSent || e.Type == results.EmailFailed {
			n++
		}
	}
	if err == nil && n < s.row.orders() {
		err = fmt.Errorf("%d of %d emails are settled", n, s.row.orders())
	}
	return err
}

// mailed is what became of the email of one order.
type mailed struct {
	came   int // that reached the mail server
	denied int // of them those whose sender was not told so
	sent   int // events
	failed int
	code   string // of the failure
	doubt  bool   // an event says that it may have gone out more than once, or all the same
}

// verifyMails holds what reached the mail server against what was published about the emails: each went out or was given up,
// with a word about it; and twice only where its sender could not know, or was killed.
func (s *system) verifyMails(c *count) (wrong []string) {
	all := s.mailed(c, &wrong)
	arrived, failed := 0, map[string]int{}
	for i := range c.orders {
		m := all[refOf(i)]
		if m == nil {
			m = &mailed{}
		}
		if m.came > 0 {
			arrived++
		}
		if m.failed > 0 {
			failed[m.code]++
		}
		if m.came > 1 {
			c.twice++
		}
		for _, problem := range m.problems(s.kills > 0 || s.row.reposts) {
			wrong = append(wrong, "email of "+refOf(i)+": "+problem)
		}
	}
	c.note = fmt.Sprintf("%d mailed, %d of them twice, failed %v; ", arrived, c.twice, failed)
	if s.kills > 0 {
		c.note += fmt.Sprintf("%d kills; ", s.kills)
	}
	if !s.row.reposts && c.posts != c.orders {
		wrong = append(wrong, fmt.Sprintf("%d POSTs for %d orders: emails cause none", c.posts, c.orders))
	}
	return wrong
}

func (m *mailed) problems(kills bool) (wrong []string) {
	blame := func(format string, args ...any) { wrong = append(wrong, fmt.Sprintf(format, args...)) }
	switch {
	case m.sent+m.failed != 1:
		blame("%d email.sent and %d email.failed, want one of them", m.sent, m.failed)
	case m.sent == 1 && m.came == 0:
		blame("it is said to be sent, and never came")
	case m.failed == 1 && m.came > 0 && m.code != ledger.CodeMailUnknown:
		blame("it failed with %s, and came", m.code)
	}
	if m.came > 1 && m.denied < m.came-1 && !kills {
		blame("it came %d times, and its sender was told so at once", m.came)
	}
	if m.came > 1 && !m.doubt {
		blame("it came %d times, and nothing says that this may be", m.came)
	}
	if m.came > ledger.MailAgain+1 {
		blame("it came %d times", m.came)
	}
	return wrong
}

// mailed counts for each ref what came and what was published, and finds emails that are not what they should be.
func (s *system) mailed(c *count, wrong *[]string) map[string]*mailed {
	all := map[string]*mailed{}
	at := func(ref string) *mailed {
		if all[ref] == nil {
			all[ref] = &mailed{}
		}
		return all[ref]
	}
	for _, m := range s.box.Mails() {
		ref := strings.TrimSuffix(strings.TrimPrefix(m.To, "c"), "@customer.example")
		o := at(ref)
		if o.came++; m.Denied {
			o.denied++
		}
		l, err := postbox.Read(m.Data)
		events := c.events[ref]
		if err != nil || len(events) == 0 || !strings.Contains(l.Text, events[0].URL) || !strings.Contains(l.HTML, events[0].URL) || !strings.Contains(l.Text, ref) {
			*wrong = append(*wrong, fmt.Sprintf("the email to %s is broken, or has not the link of its order: %v", m.To, err))
		}
	}
	for ref, events := range c.emails {
		for _, e := range events {
			var d struct {
				Code      string `json:"code"`
				Uncertain bool   `json:"uncertain"`
			}
			if err := json.Unmarshal([]byte(e.Data), &d); err != nil {
				*wrong = append(*wrong, err.Error())
			}
			o := at(ref)
			o.doubt = o.doubt || d.Uncertain
			if e.Type == results.EmailSent {
				o.sent++
			} else {
				o.failed, o.code = o.failed+1, d.Code
			}
		}
	}
	return all
}
