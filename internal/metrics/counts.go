package metrics

import (
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/hpplink/hpplink/internal/ledger"
	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// Bounds of histograms, in seconds. Rules and dashboards refer to them.
var (
	callBounds = []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 15, 30, 60}
	// The rules' promises are at 10 seconds and at an hour.
	linkBounds = []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300, 900, 3600, 4 * 3600, 24 * 3600}
)

// counts are what this process did. Each counter is looked up once, so that counting takes no lock and no search among labels.
type counts struct {
	merchants *merchant.Directory

	received, settled, attempts, surplus *prometheus.CounterVec
	emailAttempts, emailsSettled         *prometheus.CounterVec
	recovered                            *prometheus.CounterVec
	calls, links                         *prometheus.HistogramVec
	emailCalls, linkToEmail              prometheus.Histogram

	others *ofMerchant
	mu     sync.Mutex // held to add a merchant
	known  atomic.Pointer[map[string]*ofMerchant]

	linkSeconds [len(lanes)]prometheus.Observer
	recoveries  map[order.Lane]prometheus.Counter
}

func newCounts(m *merchant.Directory) *counts {
	c := &counts{
		merchants: m,
		received:  counter("orders_received_total", "Orders that were handed in to this process, by what they were answered.", "merchant", "lane", "answer"),
		settled:   counter("orders_settled_total", "Orders that this process brought to an end.", "merchant", "lane", "outcome"),
		attempts:  counter("attempts_total", "Attempts of this process to get a link, by what the gateway's answer meant.", "merchant", "outcome"),
		surplus:   counter("surplus_links_total", "Links that the gateway minted and that nobody was shown, as this process met them.", "merchant"),
		recovered: counter("reaper_recovered_total", "Orders whose worker or task was lost and that this process gave back to the queue.", "lane"),

		emailAttempts: counter("email_attempts_total", "Attempts of this process to send an email, by what the mail server's answer meant.", "merchant", "outcome"),
		emailsSettled: counter("emails_settled_total", "Emails that this process brought to an end.", "merchant", "outcome"),

		calls: histogram("gateway_duration_seconds", "How long calls of the gateway took, with those made again at once.", callBounds, "merchant"),
		links: histogram("enqueue_to_link_seconds", "How long orders took from being accepted until their link was published.", linkBounds, "lane"),

		emailCalls:  single("email_duration_seconds", "How long it took to hand an email to the mail server.", callBounds),
		linkToEmail: single("link_to_email_seconds", "How long emails took from their link's publication until the mail server had them.", linkBounds),
	}
	c.others = c.newMerchant(other)
	c.known.Store(&map[string]*ofMerchant{})
	for i, lane := range lanes {
		c.linkSeconds[i] = c.links.WithLabelValues(string(lane))
	}
	c.recoveries = map[order.Lane]prometheus.Counter{}
	for _, lane := range []order.Lane{order.Interactive, order.Bulk, ledger.Mailing} {
		c.recoveries[lane] = c.recovered.WithLabelValues(string(lane))
	}
	return c
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
}

func histogram(name, help string, bounds []float64, labels ...string) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds}, labels)
}

func single(name, help string, bounds []float64) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: bounds})
}

// namespace begins the names of all metrics that are ours.
const namespace = "hpplink"

func (c *counts) all() []prometheus.Collector {
	return []prometheus.Collector{
		c.received, c.settled, c.attempts, c.surplus, c.recovered, c.emailAttempts, c.emailsSettled, c.calls, c.links, c.emailCalls, c.linkToEmail,
	}
}

// Describe implements prometheus.Collector.
func (c *counts) Describe(into chan<- *prometheus.Desc) {
	for _, one := range c.all() {
		one.Describe(into)
	}
}

// Collect implements prometheus.Collector. Merchants who have done nothing yet show zeros: a counter that begins at one has no
// increase.
func (c *counts) Collect(into chan<- prometheus.Metric) {
	for _, p := range c.merchants.All() {
		c.of(p.ID)
	}
	for _, one := range c.all() {
		one.Collect(into)
	}
}
