package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redisconn"
)

// standing is how everything stands in Redis: every process that is asked says the same. While Redis does not answer there is
// hpplink_redis_up alone.
type standing struct{ looker }

func newStanding(c Config) *standing { return &standing{looker{Config: c}} }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	redisUp        = desc("redis_up", "Whether Redis answers this process.")
	memoryUsed     = desc("redis_memory_used_bytes", "Memory that Redis uses; absent where it does not say.")
	memoryMax      = desc("redis_memory_max_bytes", "Memory that Redis may use; absent where it does not say or has no bound.")
	openOrders     = desc("open_orders", "Orders that something is owed for: a link, or on lane email its email.", "lane", "state")
	oldestAge      = desc("oldest_open_order_age_seconds", "How long ago the oldest open order was accepted, as far as can be told at little cost; 0 where none is open.", "lane")
	merchantOpen   = desc("merchant_open_orders", "Open orders of a merchant, which max_open bounds; without those that only their email is owed for.", "merchant")
	failedOrders   = desc("failed_orders", "Orders that ended without a link and wait to be replayed, corrected or discarded.")
	failedEmails   = desc("failed_emails", "Emails that were not sent and wait to be replayed or discarded.")
	surplusEntries = desc("surplus_entries", "Links on the stream of surplus links.")
	deadLetters    = desc("dead_letters", "Entries of the stream of orders that became none, as far as they are kept.")
	unpublished    = desc("unpublished_results", "Results that wait until the replicas of Redis have them; 0 unless that is waited for.")
	unread         = desc("stream_backlog", "Entries of the stream of orders that no intake has dealt with yet; before Redis 7.0 as far as it counts them.")
	unreadAge      = desc("stream_backlog_age_seconds", "How long ago the oldest entry of the stream of orders was added that no intake was handed yet; 0 where there is none.")
	waiting        = desc("stream_waiting", "Entries of the stream that wait until fewer of their merchant's orders are open.", "merchant")
	workers        = desc("workers", "Worker processes that are alive.")
	mailersSeen    = desc("mailer_seen_timestamp_seconds", "When a worker said last that it sends emails; absent where none does.")
	breakerOpen    = desc("breaker_open", "Whether the merchant's orders are held because the gateway does not serve them.", "merchant")
	mailBreaker    = desc("mail_breaker_open", "Whether the merchant's emails are held because they do not go out.", "merchant")
	queueTasks     = desc("queue_tasks", "Tasks of an asynq queue.", "queue", "state")
	queuePaused    = desc("queue_paused", "Whether an asynq queue was paused.", "queue")
	queueLatency   = desc("queue_latency_seconds", "How long the first pending task of an asynq queue has waited.", "queue")
)

// Describe implements prometheus.Collector.
func (s *standing) Describe(into chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		redisUp, memoryUsed, memoryMax, openOrders, oldestAge, merchantOpen, failedOrders, failedEmails, surplusEntries, deadLetters,
		unpublished, unread, unreadAge, waiting, workers, mailersSeen, breakerOpen, mailBreaker, queueTasks, queuePaused, queueLatency,
	} {
		into <- d
	}
}

// emit hands out a value.
type emit func(d *prometheus.Desc, value float64, labels ...string)

func emitTo(into chan<- prometheus.Metric, kind prometheus.ValueType) emit {
	return func(d *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(d, kind, value, labels...)
	}
}

// Collect implements prometheus.Collector.
func (s *standing) Collect(into chan<- prometheus.Metric) {
	set := emitTo(into, prometheus.GaugeValue)
	now := s.look()
	set(redisUp, number(now.up))
	if !now.up {
		return
	}
	redisMemory(now.memory, set)
	s.orders(now, set)
	s.merchants(now, set)
	s.queues(now, set)
}

func redisMemory(m redisconn.Memory, set emit) {
	if m.Used > 0 {
		set(memoryUsed, float64(m.Used))
	}
	if m.Max > 0 {
		set(memoryMax, float64(m.Max))
	}
}

func (s *standing) orders(now look, set emit) {
	for _, lane := range []order.Lane{order.Interactive, order.Bulk, ledger.Mailing} {
		l, name := now.Lanes[lane], string(lane)
		set(openOrders, float64(l.Due), name, "due")
		set(openOrders, float64(l.Later), name, "later")
		set(openOrders, float64(l.Sending), name, "sending")
		set(openOrders, float64(l.Held), name, "held")
		set(oldestAge, since(l.Oldest.Since, now.Now), name)
	}
	set(failedOrders, float64(now.Failed))
	set(failedEmails, float64(now.FailedEmails))
	set(surplusEntries, float64(now.Surplus))
	set(deadLetters, float64(now.DeadLetters))
	set(unpublished, float64(now.Unpublished))
	set(unread, float64(now.backlog.Entries))
	set(unreadAge, since(now.backlog.Since, now.Now))
	set(workers, float64(now.Workers))
	if !now.MailersSeen.IsZero() {
		set(mailersSeen, float64(now.MailersSeen.UnixMilli())/1000)
	}
}

func (s *standing) merchants(now look, set emit) {
	open, held := zeros(s.Merchants), zeros(s.Merchants)
	for id, n := range now.OpenOrders {
		open.add(id, float64(n))
	}
	for id, n := range now.Waiting {
		held.add(id, float64(n))
	}
	each(open, merchantOpen, set)
	each(held, waiting, set)
	each(s.tripped(now.Breakers), breakerOpen, set)
	each(s.tripped(now.MailBreakers), mailBreaker, set)
}

func each(b byLabel, d *prometheus.Desc, set emit) {
	for label, value := range b.values {
		set(d, value, label)
	}
}

// tripped has a 1 for each open breaker.
func (s *standing) tripped(breakers []ledger.Breaker) byLabel {
	all := zeros(s.Merchants)
	for _, b := range breakers {
		all.add(b.MerchantID, number(b.Open))
	}
	for label, n := range all.values {
		all.values[label] = min(n, 1)
	}
	return all
}

func (s *standing) queues(now look, set emit) {
	for name, size := range now.queues {
		for state, n := range map[string]int{
			"pending": size.Pending, "active": size.Active, "scheduled": size.Scheduled,
			"retry": size.Retry, "archived": size.Archived, "completed": size.Completed,
		} {
			set(queueTasks, float64(n), name, state)
		}
		set(queuePaused, number(size.Paused), name)
		set(queueLatency, size.Latency.Seconds(), name)
	}
}

// since is how many seconds ago something was, or 0 where there is none.
func since(then, now time.Time) float64 {
	if then.IsZero() {
		return 0
	}
	return max(now.Sub(then), 0).Seconds()
}

func number(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}
