package tracing

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// environment holds the standard variables that are looked at here. The libraries read the others, and these too.
type environment map[string]string

const (
	varDisabled   = "OTEL_SDK_DISABLED"
	varExporter   = "OTEL_TRACES_EXPORTER"
	varSampler    = "OTEL_TRACES_SAMPLER"
	varSamplerArg = "OTEL_TRACES_SAMPLER_ARG"
	varQueueSize  = "OTEL_BSP_MAX_QUEUE_SIZE"

	ofAll, ofTraces = "OTEL_EXPORTER_OTLP_", "OTEL_EXPORTER_OTLP_TRACES_" // the second of a pair has the say
	endpoint        = "ENDPOINT"
	protocol        = "PROTOCOL"
	headers         = "HEADERS"
)

// queueSize is how many spans may wait for their export. The library's 2048 are the spans of 500 orders, as one second may bring.
const queueSize = 16 << 10

var (
	protocols = []string{"http/protobuf", "http/json", "grpc"}
	samplers  = []string{"always_on", "always_off", "traceidratio", "parentbased_always_on", "parentbased_always_off", "parentbased_traceidratio"}
)

func readEnvironment() environment {
	e := environment{}
	for _, name := range []string{
		varDisabled, varExporter, varSampler, varSamplerArg, varQueueSize,
		ofAll + endpoint, ofTraces + endpoint, ofAll + protocol, ofTraces + protocol, ofAll + headers, ofTraces + headers,
	} {
		e[name] = strings.TrimSpace(os.Getenv(name))
	}
	return e
}

// on reports whether traces are asked for: there is somewhere to send them, and nobody said no.
func (e environment) on() bool {
	return (e[ofAll+endpoint] != "" || e[ofTraces+endpoint] != "") &&
		!strings.EqualFold(e[varDisabled], "true") && e[varExporter] != "none"
}

func (e environment) protocol() string {
	return cmp.Or(e[ofTraces+protocol], e[ofAll+protocol], protocols[0])
}

// where names the collector.
func (e environment) where() string {
	return cmp.Or(e[ofTraces+endpoint], e[ofAll+endpoint]) + " by " + e.protocol()
}

// check looks for what the libraries would pass over in silence, or answer with a line on standard error that has secrets in it.
func (e environment) check() error {
	var errs []error
	bad := func(name, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", name, fmt.Sprintf(format, args...)))
	}
	if x := e[varExporter]; x != "" && x != "otlp" {
		bad(varExporter, `%q is not known here: "otlp" or "none"`, x)
	}
	for _, which := range []string{ofAll, ofTraces} {
		if x := e[which+protocol]; x != "" && !slices.Contains(protocols, x) {
			bad(which+protocol, "%q is not known: one of %s", x, strings.Join(protocols, ", "))
		}
		if why := badEndpoint(e[which+endpoint]); why != "" {
			bad(which+endpoint, "%s", why)
		}
		if why := badHeaders(e[which+headers]); why != "" {
			bad(which+headers, "%s", why)
		}
	}
	e.checkSampler(bad)
	return errors.Join(errs...)
}

func (e environment) checkSampler(bad func(name, format string, args ...any)) {
	name := strings.ToLower(e[varSampler])
	if name != "" && !slices.Contains(samplers, name) {
		bad(varSampler, "%q is not known: one of %s", name, strings.Join(samplers, ", "))
	}
	if !strings.HasSuffix(name, "traceidratio") || e[varSamplerArg] == "" {
		return
	}
	if ratio, err := strconv.ParseFloat(e[varSamplerArg], 64); err != nil || !(ratio >= 0 && ratio <= 1) {
		bad(varSamplerArg, "%q is not a ratio between 0 and 1", e[varSamplerArg])
	}
}

// badEndpoint says what is wrong with an address, without a word of it: there may be a password in it.
func badEndpoint(text string) string {
	if text == "" {
		return ""
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return "it is no URL like http://127.0.0.1:4318"
	case u.User != nil:
		return "leave user and password out of it, they are not sent: put them into OTEL_EXPORTER_OTLP_HEADERS"
	}
	return ""
}

func badHeaders(text string) string {
	if text == "" {
		return ""
	}
	for i, pair := range strings.Split(text, ",") {
		name, value, found := strings.Cut(pair, "=")
		if _, err := url.PathUnescape(value); !found || err != nil || strings.TrimSpace(name) == "" {
			return fmt.Sprintf("header %d of it is not NAME=VALUE, percent-encoded", i+1)
		}
	}
	return ""
}

// leastSecret is the length from which a text is worth hiding: of shorter ones the log would be full of holes.
const leastSecret = 4

// secrets are what headers carry: as it is written, as it is sent, and its words, since "Bearer" is none.
func (e environment) secrets() (all []string) {
	for _, which := range []string{ofAll, ofTraces} {
		for pair := range strings.SplitSeq(e[which+headers], ",") {
			_, written, _ := strings.Cut(pair, "=")
			sent, _ := url.PathUnescape(written)
			all = append(append(all, strings.TrimSpace(written), strings.TrimSpace(sent)), strings.Fields(sent)...)
		}
	}
	return slices.DeleteFunc(all, func(s string) bool { return len(s) < leastSecret })
}

// batching gives the spans more room, unless the environment says how much.
func (e environment) batching() []sdktrace.BatchSpanProcessorOption {
	if e[varQueueSize] != "" {
		return nil
	}
	return []sdktrace.BatchSpanProcessorOption{sdktrace.WithMaxQueueSize(queueSize)}
}
