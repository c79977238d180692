package main

import (
	"context"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/redis/go-redis/v9"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/postbox"
)

// boxes are the scripts' mail servers, by address.
var boxes sync.Map

// mailServer starts a mail server for the rest of the script, and puts its address into MAIL: mailserver [login].
func mailServer(ts *testscript.TestScript, neg bool, args []string) {
	box, err := postbox.Open(len(args) > 0, nil)
	ts.Check(err)
	ts.Defer(func() { box.Close() })
	boxes.Store(box.Addr(), box)
	ts.Setenv("MAIL", box.Addr())
}

func boxOf(ts *testscript.TestScript) *postbox.Box {
	box, found := boxes.Load(ts.Getenv("MAIL"))
	if !found {
		ts.Fatalf("no mailserver was started")
	}
	return box.(*postbox.Box)
}

// mailSays has the mail server answer every recipient or login, or the end of every email, in a way: mailsays yes,
// mailsays login|RCPT|DATA CODE, mailsays DATA reset.
func mailSays(ts *testscript.TestScript, neg bool, args []string) {
	if args[0] == "yes" {
		boxOf(ts).Decide(nil)
		return
	}
	answer := postbox.ErrReset
	if args[1] != "reset" {
		code, err := strconv.Atoi(args[1])
		ts.Check(err)
		answer = &smtp.SMTPError{Code: code, EnhancedCode: smtp.NoEnhancedCode, Message: "as the test wants"}
	}
	boxOf(ts).Decide(func(at postbox.Stage, _ string) error {
		if string(at) == args[0] {
			return answer
		}
		return nil
	})
}

// mailersUp waits until some worker says that it sends emails: mailersup.
func mailersUp(ts *testscript.TestScript, neg bool, args []string) {
	rdb, key := mailersKey(ts)
	defer rdb.Close()
	ts.Check(eventually("a worker that sends emails", func() error {
		if n, err := rdb.Exists(context.Background(), key).Result(); err != nil || n == 0 {
			return fmt.Errorf("none so far (%v)", err)
		}
		return nil
	}))
}

// mailersAge makes the last word of a worker that sends emails older: mailersage 10m.
func mailersAge(ts *testscript.TestScript, neg bool, args []string) {
	rdb, key := mailersKey(ts)
	defer rdb.Close()
	by, err := time.ParseDuration(args[0])
	ts.Check(err)
	left, err := rdb.PTTL(context.Background(), key).Result()
	ts.Check(err)
	ts.Check(rdb.PExpire(context.Background(), key, left-by).Err())
}

func mailersKey(ts *testscript.TestScript) (*redis.Client, string) {
	opt, err := redis.ParseURL(ts.Getenv("HPPLINK_REDIS"))
	ts.Check(err)
	return redis.NewClient(opt), ledger.NamespaceKeys(ts.Getenv("HPPLINK_NAMESPACE")).Mailers()
}

// waitMails waits until the mail server has so many emails, and not one more: mails N.
func waitMails(ts *testscript.TestScript, neg bool, args []string) {
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	box, n := boxOf(ts), 0
	ts.Check(eventually(fmt.Sprint(want, " emails"), func() error {
		if n = len(box.Mails()); n < want {
			return fmt.Errorf("%d so far", n)
		}
		return nil
	}))
	if n != want {
		ts.Fatalf("%d emails, want %d", n, want)
	}
}
