//go:build faults

package faults

import (
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"github.com/hpplink/hpplink/internal/app"
	"github.com/hpplink/hpplink/internal/killpoint"
	"github.com/hpplink/hpplink/internal/postbox"
)

var (
	notNow    = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "try again later"}
	noSuchBox = &smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
)

// slowMail is how long the mail server takes for an email, so that faults strike in the midst of many.
const slowMail = 300 * time.Millisecond

// mailRows harm the mail server, and workers that send emails. The links come first, so that no fault of theirs makes a
// second POST: one more than there are orders would be an email's.
var mailRows = []row{
	{
		name: "mail: server down for a while", mail: true, holds: "none fails, none twice",
		act: func(s *system) {
			time.Sleep(time.Second)
			if err := s.box.Down(); err != nil {
				s.t.Error(err)
			}
			time.Sleep(pick(8*time.Second, 30*time.Second))
			if err := s.box.Up(); err != nil {
				s.t.Error(err)
			}
		},
		check: failing(""),
	},
	{
		name: "mail: 30 % of commands answer 451", mail: true, holds: "none fails, none twice",
		act: func(s *system) {
			chance := s.dice()
			s.box.Decide(func(postbox.Stage, string) error {
				if chance(0.3) {
					return notNow
				}
				return nil
			})
			<-s.produced
			s.box.Decide(nil)
		},
		check: failing(""),
	},
	{
		name: "mail: 5 % reset after DATA", mail: true, holds: "twice where nobody could know, and said so",
		act: func(s *system) {
			chance := s.dice()
			s.box.Decide(func(at postbox.Stage, _ string) error {
				if at == postbox.Content && chance(0.05) {
					return postbox.ErrReset
				}
				return nil
			})
		},
	},
	{
		name: "mail: some recipients are refused", mail: true, holds: "those fail, and no others",
		act:   func(s *system) { s.box.Decide(refusals) },
		check: failing("smtp_550"),
	},
	{
		name: "mail: login refused for a while", mail: true, holds: "none fails, none twice",
		act: func(s *system) {
			time.Sleep(time.Second)
			s.mailRestart(func(at postbox.Stage, _ string) error {
				if at == postbox.Login {
					return smtp.ErrAuthFailed
				}
				return nil
			})
			time.Sleep(pick(6*time.Second, 20*time.Second))
			s.box.Decide(nil)
		},
		check: failing(""),
	},
	mailsKilledAt("mail: kill -9 after Issue, before the email's task", killpoint.AfterReport),
	mailsKilledAt("mail: kill -9 as links and emails go out", killpoint.AfterAnswer),
	{
		name: "mail: kill -9 of a random worker every 2 s", mail: true, holds: "twice only after a kill",
		act: func(s *system) { s.mailsUnder(nil, s.killMailer) },
		check: func(s *system, c *count) []string {
			if c.twice > s.kills*app.MailConcurrency {
				return []string{fmt.Sprintf("%d emails came twice, more than %d killed workers can have had in hand", c.twice, s.kills)}
			}
			return nil
		},
	},
	{
		name: "mail: all at once", mail: true, holds: "twice only after a kill or where nobody could know",
		act: func(s *system) { s.mailsUnder(everything(s.dice()), s.calamity) },
	},
}

// mailsKilledAt is killedAt for orders with emails.
func mailsKilledAt(name, point string) row {
	r := killedAt(name, point, "")
	r.mail, r.reposts, r.holds = true, true, "all out within 20 s, twice only after a kill"
	return r
}

// mailsUnder holds emails back until every link is out, and then does something every 2 s until every email is settled.
func (s *system) mailsUnder(j postbox.Judge, harm func()) {
	if err := s.box.Down(); err != nil {
		s.t.Error(err)
	}
	s.await("every link", s.allOut)
	s.box.Decide(func(at postbox.Stage, to string) error {
		if at == postbox.Content {
			time.Sleep(slowMail)
		}
		if j == nil {
			return nil
		}
		return j(at, to)
	})
	if err := s.box.Up(); err != nil {
		s.t.Error(err)
	}
	for s.allMailed() != nil && time.Now().Before(s.deadline) {
		time.Sleep(s.around(2 * time.Second))
		harm()
	}
}

func (s *system) killMailer() {
	s.kills++
	s.killOne()
}

// calamity is one thing of all that happens to mail servers and workers.
func (s *system) calamity() {
	switch s.rnd.IntN(3) {
	case 0:
		s.killMailer()
	case 1:
		s.box.Down()
		time.Sleep(time.Second)
		if err := s.box.Up(); err != nil {
			s.t.Error(err)
		}
	}
}

// everything is what mail servers answer on a bad day.
func everything(chance func(float64) bool) postbox.Judge {
	return func(at postbox.Stage, to string) error {
		switch {
		case at == postbox.Login:
			return nil
		case at == postbox.Content && chance(0.05):
			return postbox.ErrReset
		case chance(0.05):
			return notNow
		}
		return refusals(at, to)
	}
}

// dice are thrown by the row's seed, by whoever comes.
func (s *system) dice() (chance func(float64) bool) {
	var mu sync.Mutex
	rnd := rand.New(rand.NewPCG(s.rnd.Uint64(), 0))
	return func(p float64) bool {
		mu.Lock()
		defer mu.Unlock()
		return rnd.Float64() < p
	}
}

// refusals are of every tenth recipient or so.
func refusals(at postbox.Stage, to string) error {
	h := fnv.New32a()
	h.Write([]byte(to))
	if at == postbox.Recipient && h.Sum32()%10 == 0 {
		return noSuchBox
	}
	return nil
}

// failing makes sure that an email failed exactly where its recipient is refused, with that code; "": none fails. And that
// none came twice.
func failing(code string) func(*system, *count) []string {
	return func(s *system, c *count) (wrong []string) {
		var ignored []string
		all, failed := s.mailed(c, &ignored), 0
		for i := range c.orders {
			m := all[refOf(i)]
			if m == nil {
				continue
			}
			refused := code != "" && refusals(postbox.Recipient, recipientOf(i)) != nil
			if m.failed > 0 {
				failed++
			}
			if refused != (m.failed > 0) || m.failed > 0 && m.code != code {
				wrong = append(wrong, fmt.Sprintf("email of %s: refused %v, failed %d with %q", refOf(i), refused, m.failed, m.code))
			}
			if m.came > 1 {
				wrong = append(wrong, fmt.Sprintf("email of %s came %d times", refOf(i), m.came))
			}
		}
		if code != "" && failed == 0 {
			wrong = append(wrong, "the fault never struck: no recipient was refused")
		}
		return wrong
	}
}
