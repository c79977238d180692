//go:build alerts

package deploytest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/postbox"
)

var rows = []row{
	{
		name:   "the gateway answers 401",
		harm:   func(s *system) { s.faults("401") },
		mend:   func(s *system) { s.faults("") },
		alerts: []string{"HpplinkBreakerOpen", "HpplinkOrderWaits", "HpplinkLinksLate", "HpplinkStandstill", "HpplinkMerchantFull"},
		slow:   []string{"HpplinkLinksLateSlowly"},
	},
	{
		name:   "the gateway is down, for longer than bulk orders may take",
		harm:   func(s *system) { s.sandbox.kill() },
		mend:   func(s *system) { s.sandbox.start() },
		alerts: []string{"HpplinkOrderWaits", "HpplinkLinksLate", "HpplinkStandstill", "HpplinkBreakerOpen"},
		lasts:  70 * time.Second,
		slow:   []string{"HpplinkBulkLinksLate"},
	},
	{
		name:   "a third of the calls is answered 500",
		harm:   func(s *system) { s.faults("500=0.33") },
		mend:   func(s *system) { s.faults("") },
		alerts: []string{"HpplinkGatewayErrors"},
	},
	{
		name:   "the gateway refuses every order",
		harm:   func(s *system) { s.faults("400") },
		mend:   func(s *system) { s.faults("") },
		alerts: []string{"HpplinkFailedOrdersGrow"},
	},
	{
		name:   "entries of the stream that are no orders",
		harm:   func(s *system) { s.add(15, `{"merchant_txn_ref":"x"}`) },
		mend:   func(s *system) {},
		alerts: []string{"HpplinkDeadLettersGrow"},
	},
	{
		name:   "a worker is killed",
		harm:   func(s *system) { s.inCalls(s.workers[0].kill) },
		mend:   func(s *system) { s.workers[0].start() },
		alerts: []string{"HpplinkTargetDown", "HpplinkReaperBusy"},
	},
	{
		name:   "a worker stands still in the midst of calls",
		harm:   (*system).freeze,
		mend:   func(s *system) {},
		alerts: []string{"HpplinkSurplusLinks"},
	},
	{
		name:   "the mail server is down",
		harm:   func(s *system) { s.must(s.box.Down()) },
		mend:   func(s *system) { s.must(s.box.Up()) },
		alerts: []string{"HpplinkMailBreakerOpen"},
	},
	{
		name:   "the mail server refuses every recipient",
		harm:   func(s *system) { s.box.Decide(refuseAll) },
		mend:   func(s *system) { s.box.Decide(nil) },
		alerts: []string{"HpplinkFailedEmailsGrow"},
	},
	{
		name:   "the workers lost their mail server",
		harm:   (*system).withoutMail,
		mend:   (*system).withMail,
		alerts: []string{"HpplinkNoMailer"},
	},
	{
		name:   "no worker runs",
		harm:   func(s *system) { s.stopWorkers() },
		mend:   func(s *system) { s.startWorkers() },
		alerts: []string{"HpplinkNoWorker"},
	},
	{
		name: "nobody reads the stream",
		harm: func(s *system) {
			s.door.stop()
			s.add(3, s.orderText())
		},
		mend:   func(s *system) { s.door.start() },
		alerts: []string{"HpplinkStreamNotRead"},
	},
	{
		name:   "results wait for replicas",
		harm:   (*system).leaveUnpublished,
		mend:   func(s *system) { s.must(s.rdb.Del(s.t.Context(), outbox).Err()) },
		alerts: []string{"HpplinkResultsUnpublished"},
	},
	{
		name:   "a queue is paused",
		harm:   func(s *system) { s.must(s.inspector().PauseQueue("hpp-bulk")) },
		mend:   func(s *system) { s.must(s.inspector().UnpauseQueue("hpp-bulk")) },
		alerts: []string{"HpplinkQueuePaused"},
	},
	{
		name:   "Redis fills up",
		harm:   func(s *system) { s.fill(0.86) },
		mend:   (*system).empty,
		alerts: []string{"HpplinkRedisMemoryHigh"},
	},
	{
		name:   "Redis is full",
		harm:   func(s *system) { s.fill(0.98) },
		mend:   (*system).empty,
		alerts: []string{"HpplinkRedisMemoryFull"},
	},
	{
		name:   "Redis is stopped",
		harm:   func(s *system) { s.redis.Kill() },
		mend:   func(s *system) { s.redis.Restart(s.t) },
		alerts: []string{"HpplinkRedisAway"},
	},
	{
		name: "every process is stopped",
		harm: func(s *system) {
			s.stopWorkers()
			s.door.stop()
		},
		mend: func(s *system) {
			s.door.start()
			s.startWorkers()
		},
		alerts: []string{"HpplinkAllDown", "HpplinkTargetDown"},
	},
}

var outbox = ledger.NamespaceKeys("hpp").Outbox()

// leaveUnpublished has more results wait than come in some seconds. The processes, which wait for no replica, do not touch them.
func (s *system) leaveUnpublished() {
	_, err := s.rdb.Pipelined(s.t.Context(), func(p redis.Pipeliner) error {
		for range 1000 {
			p.XAdd(s.t.Context(), &redis.XAddArgs{Stream: outbox, Values: []string{"type", "link.issued"}})
		}
		return nil
	})
	s.must(err)
}

func (s *system) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// add adds entries to the stream of orders.
func (s *system) add(n int, text string) {
	s.t.Helper()
	for range n {
		s.must(s.rdb.XAdd(ctx, &redis.XAddArgs{Stream: keys.Orders(), Values: []string{"order", text}}).Err())
	}
}

// inCalls does something while many calls of the gateway are under way.
func (s *system) inCalls(f func()) {
	s.faults("slow-body=1:2s")
	time.Sleep(1500 * time.Millisecond)
	f()
	s.faults("")
}

// freeze stops a worker while it waits for the gateway, until another one has worked its orders, and lets it go on.
func (s *system) freeze() {
	s.inCalls(func() { s.workers[1].signal(syscall.SIGSTOP) })
	time.Sleep(9 * time.Second)
	s.workers[1].signal(syscall.SIGCONT)
}

func refuseAll(at postbox.Stage, _ string) error {
	if at == postbox.Recipient {
		return &smtp.SMTPError{Code: 550, Message: "no such user"}
	}
	return nil
}

func (s *system) stopWorkers() {
	for _, w := range s.workers {
		w.stop()
	}
}

func (s *system) startWorkers() {
	for _, w := range s.workers {
		w.start()
	}
}

// withoutMail has the workers started without a mail server, long ago as far as Redis knows, while emails are owed.
func (s *system) withoutMail() {
	s.must(s.box.Down())
	s.await("emails to be owed", func() error {
		n, err := s.samples(`sum(hpplink_open_orders{lane="email"}) > 0`, time.Now().Add(-time.Second))
		if err == nil && n == 0 {
			err = errors.New("none is")
		}
		return err
	})
	s.stopWorkers()
	for _, w := range s.workers {
		w.env = w.env[:len(w.env)-len(s.smtp())]
		w.start()
	}
	s.must(s.rdb.Del(ctx, keys.Mailers()).Err())
}

func (s *system) withMail() {
	s.must(s.box.Up())
	s.stopWorkers()
	for _, w := range s.workers {
		w.env = append(w.env, s.smtp()...)
		w.start()
	}
}

func (s *system) inspector() *asynq.Inspector {
	return asynq.NewInspectorFromRedisClient(s.rdb)
}

// fill has Redis use a share of its memory, of which it has little.
func (s *system) fill(share float64) {
	const most = 64 << 20
	s.must(s.rdb.ConfigSet(ctx, "maxmemory", strconv.Itoa(most)).Err())
	for n := 0; s.used() < share*most; n++ {
		s.must(s.rdb.Set(ctx, fmt.Sprint("filler:", n), strings.Repeat("x", 256<<10), 0).Err())
	}
}

func (s *system) used() float64 {
	info, err := s.rdb.InfoMap(ctx, "memory").Result()
	s.must(err)
	used, err := strconv.ParseFloat(info["Memory"]["used_memory"], 64)
	s.must(err)
	return used
}

func (s *system) empty() {
	s.must(s.rdb.ConfigSet(ctx, "maxmemory", "1gb").Err())
	for n := 0; ; n++ {
		gone, err := s.rdb.Del(ctx, fmt.Sprint("filler:", n)).Result()
		s.must(err)
		if gone == 0 {
			return
		}
	}
}
