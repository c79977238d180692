package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/smtp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/hpplink/hpplink/internal/intake"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/results"
)

const (
	mailboxOrders = 500
	// pythonOf is the Python that has the mail server: distributions install it for theirs.
	pythonOf = "/usr/bin/python3"
)

// received is an email as another program reads it.
type received struct {
	Envelope  string   `json:"envelope"`
	To        string   `json:"to"`
	Subject   string   `json:"subject"`
	MessageID string   `json:"message_id"`
	Text      string   `json:"text"`
	HTML      string   `json:"html"`
	PNG       string   `json:"png"`
	ASCIIHead bool     `json:"ascii_head"`
	Longest   int      `json:"longest"`
	Defects   []string `json:"defects"`
}

// TestEmailsInAnotherServersMailbox sends emails by a mail server that is not ours into a Maildir, and has them read by a
// program that is not ours either.
func TestEmailsInAnotherServersMailbox(t *testing.T) {
	if os.Getenv("HPPLINK_MAILSERVER") != "aiosmtpd" {
		t.Skip("set HPPLINK_MAILSERVER=aiosmtpd, with the package python3-aiosmtpd installed, to send emails by that server")
	}
	box, server := aiosmtpd(t)
	s := startSystem(t, 0)
	for range 2 {
		s.workers = append(s.workers, start(t, append(s.workerEnv(), "HPPLINK_SMTP=smtp://"+server), "run"))
	}
	s.awaitMailers(t)
	door := s.base.Door(nil)
	for i := range mailboxOrders {
		r := door.Submit(context.Background(), []intake.Event{{JSON: mailboxOrder(i), Lane: order.Bulk}})[0]
		if r.Status != intake.Accepted {
			t.Fatalf("%+v", r)
		}
	}
	begun := time.Now()
	urls := map[string]string{}
	for _, e := range s.drain(t, 2*mailboxOrders) {
		if e.Type == results.LinkIssued {
			d, err := results.Decode[results.Issued](e)
			if err != nil {
				t.Fatal(err)
			}
			urls[e.Ref] = d.URL
		} else if e.Type != results.EmailSent {
			t.Errorf("%s about %s: %s", e.Type, e.Ref, e.Data)
		}
	}
	t.Logf("%d emails in %v", mailboxOrders, time.Since(begun).Round(time.Millisecond))
	verifyMailbox(t, readMaildir(t, box), urls)
	if at, err := journal(s.gateway); err != nil || at.Posts != mailboxOrders {
		t.Errorf("%d POSTs for %d orders (%v)", at.Posts, mailboxOrders, err)
	}
}

// awaitMailers waits until orders with an email are taken.
func (s *system) awaitMailers(t *testing.T) {
	t.Helper()
	if err := eventually("workers that send emails", func() error {
		up, err := s.base.Ledger.HasMailers(context.Background())
		if err == nil && !up {
			err = fmt.Errorf("none so far")
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
}

// aiosmtpd starts that mail server, with a Maildir.
func aiosmtpd(t *testing.T) (maildir, addr string) {
	t.Helper()
	maildir, addr = filepath.Join(t.TempDir(), "box"), freeAddress(t)
	cmd := exec.Command(pythonOf, "-m", "aiosmtpd", "-n", "-l", addr, "-c", "aiosmtpd.handlers.Mailbox", maildir)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	if err := eventually("the mail server", func() error {
		c, err := smtp.Dial(addr)
		if err == nil {
			c.Quit()
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return maildir, addr
}

func recipientOf(i int) string { return fmt.Sprintf("customer-%d@customer.example", i) }

func mailboxOrder(i int) []byte {
	locale := []string{"ja", "en", "ar"}[i%3]
	return fmt.Appendf(nil, `{"return_url":{"success_url":"https://shop.example/ok"},"amount":%d,"currency":"JPY",`+
		`"merchant_id":"M-1001","merchant_email":"m@shop.example","merchant_txn_ref":"INV-%06d",`+
		`"payment_method":{"type":"scheme"},"billing_address":{"country":"JP","city":"Shinjuku-ku"},`+
		`"delivery":{"email":{"to":%q,"name":"山田 太郎","locale":%q}}}`, 1000+i, i, recipientOf(i), locale)
}

func readMaildir(t *testing.T, dir string) (all []received) {
	t.Helper()
	cmd := exec.Command(pythonOf, "testdata/mailbox/read.py", dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		var m received
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		all = append(all, m)
	}
	return all
}

// verifyMailbox makes sure that each order has one email, with its own link, amount and recipient.
func verifyMailbox(t *testing.T, all []received, urls map[string]string) {
	t.Helper()
	byRecipient, ids := map[string]received{}, map[string]bool{}
	for _, m := range all {
		byRecipient[m.To], ids[m.MessageID] = m, true
		if m.To != m.Envelope || !m.ASCIIHead || m.Longest > 998+1 || len(m.Defects) > 0 || m.PNG != "89504e47" {
			t.Errorf("to %s (%s): ASCII %v, longest line %d, defects %v, image %s", m.To, m.Envelope, m.ASCIIHead, m.Longest, m.Defects, m.PNG)
		}
	}
	if len(all) != mailboxOrders || len(byRecipient) != mailboxOrders || len(ids) != mailboxOrders {
		t.Errorf("%d emails to %d recipients with %d Message-IDs, want %d of each", len(all), len(byRecipient), len(ids), mailboxOrders)
	}
	subjects := []string{"お支払い", "Payment", "الدفع"}
	for i := range mailboxOrders {
		m, ref := byRecipient[recipientOf(i)], fmt.Sprintf("INV-%06d", i)
		url, amount := urls[ref], fmt.Sprintf("1,%03d", i)
		for what, is := range map[string]bool{
			"link in the text": url != "" && strings.Contains(m.Text, url), "link in the HTML": strings.Contains(m.HTML, strings.ReplaceAll(url, "&", "&amp;")),
			"amount": strings.Contains(m.Text, amount) || i%3 == 2, "ref": strings.Contains(m.Text, ref), "subject": strings.Contains(strings.ToLower(m.Subject), strings.ToLower(subjects[i%3])),
		} {
			if !is {
				t.Fatalf("the email of %s to %s: %s is wrong\n%s\n%s", ref, m.To, what, m.Subject, m.Text)
			}
		}
	}
}
