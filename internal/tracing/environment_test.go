package tracing_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/hpplink/hpplink/internal/redistest"
	"github.com/hpplink/hpplink/internal/tracing"
)

func TestWrongSettings(t *testing.T) {
	const secret = "s3cr3t-word"
	for name, test := range map[string]struct{ variable, value, want string }{
		"an exporter":          {"OTEL_TRACES_EXPORTER", "zipkin", `"otlp" or "none"`},
		"a protocol":           {"OTEL_EXPORTER_OTLP_PROTOCOL", "thrift", "http/protobuf, http/json, grpc"},
		"a protocol of traces": {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http", "http/protobuf, http/json, grpc"},
		"no URL":               {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "collector:4318", "http://127.0.0.1:4318"},
		"a broken URL":         {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:" + secret + "@[::1", "http://127.0.0.1:4318"},
		"a password":           {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://u:" + secret + "@127.0.0.1:1", "OTEL_EXPORTER_OTLP_HEADERS"},
		"a header":             {"OTEL_EXPORTER_OTLP_HEADERS", "a=b," + secret, "header 2"},
		"a header's escapes":   {"OTEL_EXPORTER_OTLP_TRACES_HEADERS", "a=%zz" + secret, "header 1"},
		"a sampler":            {"OTEL_TRACES_SAMPLER", "jaeger_remote", "parentbased_traceidratio"},
		"resources":            {"OTEL_RESOURCE_ATTRIBUTES", "deployment", "NAME=VALUE"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv(test.variable, test.value)
			_, err := tracing.Setup(ctx, tracing.Config{Namespace: "hpp", Log: quiet})
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.HasPrefix(err.Error(), test.variable+": ") {
				t.Fatalf("%v, want %s and %q", err, test.variable, test.want)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("it says the secret: %v", err)
			}
		})
	}
}

func TestAllWrongSettingsAtOnce(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "x")
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "x")
	t.Setenv("OTEL_TRACES_SAMPLER", "traceidratio")
	for _, ratio := range []string{"x", "-1", "1.5", "NaN"} {
		t.Setenv("OTEL_TRACES_SAMPLER_ARG", ratio)
		if _, err := tracing.Check(); err == nil || strings.Count(err.Error(), "\n") != 2 {
			t.Errorf("%v, want three lines", err)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Setenv("OTEL_EXPORTER_OTLP_HEADERS", "authorization=Bearer%20s3cr3t-word, x-tenant=7")
	t.Setenv("OTEL_SERVICE_NAME", "links")
	t.Setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=staging")
	c, s := collect(t), startSystem(t, redistest.Server(t))
	if where, err := tracing.Check(); where != c.url+" by http/protobuf" || err != nil {
		t.Errorf("%q %v", where, err)
	}
	ways[0].handIn(t, s, "smooth", "")
	s.finish(t, "link.issued", "smooth")
	for name, want := range map[string]string{"service.name": "links", "service.version": "v0", "deployment.environment.name": "staging"} {
		if got := valueOf(c.resource, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if h := c.requests[0]; h.Get("Authorization") != "Bearer s3cr3t-word" || h.Get("X-Tenant") != "7" {
		t.Errorf("headers %v", h)
	}
}

// TestServiceName: the process' arguments, which may hold secrets, are no part of what it says about itself.
func TestServiceName(t *testing.T) {
	c, traces := collect(t), setup(t)
	_, answered := traces.Intake(tracing.HTTP)(eventR1)
	answered(receiptR1)
	traces.Shutdown()
	if got := valueOf(c.resource, "service.name"); got != "hpplink" {
		t.Errorf("the service is %q", got)
	}
	for _, kv := range c.resource {
		if strings.HasPrefix(kv.Key, "process.") || strings.Contains(kv.Value.GetStringValue(), filepath.Base(os.Args[0])) {
			t.Errorf("it says %s", kv)
		}
	}
}
