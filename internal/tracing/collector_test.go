package tracing_test

import (
	"bytes"
	"cmp"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	coltrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	otlp "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
)

// collector keeps the spans that are exported to it.
type collector struct {
	coltrace.UnimplementedTraceServiceServer
	url string

	mu       sync.Mutex
	raw      []byte
	requests []http.Header
	spans    []*otlp.Span
	resource []*common.KeyValue
}

// collect starts a collector, and has the environment ask for traces to it.
func collect(t *testing.T) *collector {
	t.Helper()
	c := &collector{}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.url = server.URL
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	return c
}

func (c *collector) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	request := &coltrace.ExportTraceServiceRequest{}
	if err == nil {
		err = proto.Unmarshal(body, request)
	}
	if err != nil || r.URL.Path != "/v1/traces" {
		http.Error(w, fmt.Sprint(r.URL.Path, err), http.StatusBadRequest)
		return
	}
	c.take(r.Header, body, request)
}

// Export takes spans by gRPC.
func (c *collector) Export(_ context.Context, request *coltrace.ExportTraceServiceRequest) (*coltrace.ExportTraceServiceResponse, error) {
	body, err := proto.Marshal(request)
	c.take(nil, body, request)
	return &coltrace.ExportTraceServiceResponse{}, err
}

func (c *collector) take(h http.Header, body []byte, request *coltrace.ExportTraceServiceRequest) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.raw, c.requests = append(c.raw, body...), append(c.requests, h)
	for _, r := range request.ResourceSpans {
		c.resource = r.Resource.Attributes
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

// collectByGRPC is collect by the other protocol.
func collectByGRPC(t *testing.T) *collector {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c, server := &collector{url: "http://" + listener.Addr().String()}, grpc.NewServer()
	coltrace.RegisterTraceServiceServer(server, c)
	served := make(chan error, 1)
	go func() { served <- server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		<-served
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", c.url)
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	return c
}

// all are the spans, by when they begin.
func (c *collector) all() []*otlp.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.SortedStableFunc(slices.Values(c.spans), func(a, b *otlp.Span) int {
		return cmp.Compare(a.StartTimeUnixNano, b.StartTimeUnixNano)
	})
}

// named are the spans of a name.
func (c *collector) named(name string) (found []*otlp.Span) {
	for _, s := range c.all() {
		if s.Name == name {
			found = append(found, s)
		}
	}
	return found
}

// tree draws a span and all below it: name, kind, and what went wrong. It returns how many they are, too.
func (c *collector) tree(root *otlp.Span) (drawn string, n int) {
	all := c.all()
	var draw func(s *otlp.Span, indent string)
	draw = func(s *otlp.Span, indent string) {
		n++
		drawn += indent + s.Name + " " + kindOf(s)
		if s.Status.GetCode() == otlp.Status_STATUS_CODE_ERROR {
			drawn += " !" + s.Status.Message
		}
		drawn += "\n"
		for _, below := range all {
			if bytes.Equal(below.ParentSpanId, s.SpanId) {
				draw(below, indent+"  ")
			}
		}
	}
	draw(root, "")
	return drawn, n
}

// wantNoSecrets looks at all bytes that were exported.
func (c *collector) wantNoSecrets(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, secret := range secrets {
		if bytes.Contains(c.raw, []byte(secret)) {
			t.Errorf("%q is exported", secret)
		}
	}
}

func kindOf(s *otlp.Span) string {
	return strings.ToLower(strings.TrimPrefix(s.Kind.String(), "SPAN_KIND_"))
}

// wantPlaced makes sure that all spans are of one trace, none has a negative length, and none begins before its parent.
func (c *collector) wantPlaced(t *testing.T) {
	t.Helper()
	byID := map[string]*otlp.Span{}
	for _, s := range c.all() {
		byID[string(s.SpanId)] = s
	}
	for _, s := range byID {
		if s.EndTimeUnixNano < s.StartTimeUnixNano {
			t.Errorf("%s is %d ns long", s.Name, int64(s.EndTimeUnixNano-s.StartTimeUnixNano))
		}
		p := byID[string(s.ParentSpanId)]
		if p != nil && s.StartTimeUnixNano < p.StartTimeUnixNano {
			t.Errorf("%s begins %d ns before %s", s.Name, p.StartTimeUnixNano-s.StartTimeUnixNano, p.Name)
		}
		if p != nil && !bytes.Equal(s.TraceId, p.TraceId) {
			t.Errorf("%s is in another trace than %s", s.Name, p.Name)
		}
	}
}

// attr is an attribute of a span as text; "" when it has none of the name.
func attr(s *otlp.Span, name string) string { return valueOf(s.Attributes, name) }

func valueOf(all []*common.KeyValue, name string) string {
	for _, kv := range all {
		if kv.Key != name {
			continue
		}
		switch v := kv.Value.Value.(type) {
		case *common.AnyValue_StringValue:
			return v.StringValue
		case *common.AnyValue_IntValue:
			return fmt.Sprint(v.IntValue)
		case *common.AnyValue_BoolValue:
			return fmt.Sprint(v.BoolValue)
		}
	}
	return ""
}

func length(s *otlp.Span) time.Duration {
	return time.Duration(s.EndTimeUnixNano - s.StartTimeUnixNano)
}

func traceparent(s *otlp.Span) string {
	return "00-" + hex.EncodeToString(s.TraceId) + "-" + hex.EncodeToString(s.SpanId) + "-01"
}
