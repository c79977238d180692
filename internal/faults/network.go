//go:build faults

package faults

import (
	"bytes"
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// wire is a connection between two parts that can be made bad.
type wire struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

var toxics = toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())

// newWire leads from a free port to upstream until the test ends.
func newWire(t *testing.T, name, upstream string) *wire {
	t.Helper()
	w := &wire{t: t, proxy: toxiproxy.NewProxy(toxics, name, "127.0.0.1:0", upstream)}
	w.mend()
	t.Cleanup(w.cut)
	return w
}

func (w *wire) addr() string { return w.proxy.Listen }

// cut ends all connections and refuses new ones.
func (w *wire) cut() { w.proxy.Stop() }

// mend lets connections in again.
func (w *wire) mend() {
	if err := w.proxy.Start(); err != nil {
		w.t.Errorf("%s: %v", w.proxy.Name, err)
	}
}

// toxic is something bad, by the names of toxiproxy.
type toxic struct {
	Name       string         `json:"name"`
	Type       string         `json:"type"`
	Stream     string         `json:"stream"` // "upstream" or "downstream"
	Attributes map[string]int `json:"attributes"`
}

// harm makes the wire bad for a while.
func (w *wire) harm(d time.Duration, all ...toxic) {
	for i, x := range all {
		x.Name = x.Type + x.Stream
		body, err := json.Marshal(x)
		if err == nil {
			_, err = w.proxy.Toxics.AddToxicJson(bytes.NewReader(body))
		}
		if err != nil {
			w.t.Errorf("toxic %+v: %v", x, err)
		}
		all[i] = x
	}
	time.Sleep(d)
	for _, x := range all {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		if err := w.proxy.Toxics.RemoveToxic(ctx, x.Name); err != nil {
			w.t.Errorf("toxic %s: %v", x.Name, err)
		}
		cancel()
	}
}

func ms(d time.Duration) int { return int(d.Milliseconds()) }

func latency(d time.Duration) toxic {
	return toxic{Type: "latency", Stream: "downstream", Attributes: map[string]int{"latency": ms(d), "jitter": ms(d / 4)}}
}

func resetPeer() toxic {
	return toxic{Type: "reset_peer", Stream: "downstream", Attributes: map[string]int{"timeout": 0}}
}

// swallow drops what is sent in one direction and leaves the connection open.
func swallow(stream string) toxic { return toxic{Type: "timeout", Stream: stream} }

// closeAfter drops what is answered and closes the connection after a time.
func closeAfter(d time.Duration) toxic {
	return toxic{Type: "timeout", Stream: "downstream", Attributes: map[string]int{"timeout": ms(d)}}
}

// limitData closes a connection after so many bytes of answers.
func limitData(n int) toxic {
	return toxic{Type: "limit_data", Stream: "downstream", Attributes: map[string]int{"bytes": n}}
}

// slow lets so many bytes a second through, in small pieces.
func slow(kilobytes int) []toxic {
	return []toxic{
		{Type: "bandwidth", Stream: "downstream", Attributes: map[string]int{"rate": kilobytes}},
		{Type: "slicer", Stream: "downstream", Attributes: map[string]int{"average_size": 64, "size_variation": 32, "delay": 1000}},
	}
}
