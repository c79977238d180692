package tracing

import (
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/go-logr/logr"
	"go.opentelemetry.io/otel"
)

const (
	// troubleInterval is how often the log says that traces can not be exported.
	troubleInterval = time.Minute
	// troubleLength bounds what the log repeats of a collector's own words.
	troubleLength = 300
)

// listen has the troubles of OpenTelemetry go to the log. There is one place for them in a process.
func listen(log *slog.Logger, secrets []string) {
	t := &trouble{log: log, secrets: secrets}
	otel.SetErrorHandler(t)
	otel.SetLogger(logr.New(t))
}

// trouble logs what OpenTelemetry complains about, now and then and without secrets.
type trouble struct {
	log     *slog.Logger
	secrets []string

	mu     sync.Mutex
	said   time.Time
	unsaid int
}

// Handle implements otel.ErrorHandler: it gets the errors of the exporter.
func (t *trouble) Handle(err error) {
	unsaid, say := t.turn()
	if err == nil || !say {
		return
	}
	t.log.Warn("traces are not exported; orders are not affected", "error", t.clean(err.Error()), "more_like_it", unsaid)
}

// turn reports whether a minute has passed since something was said, and how much was not said since.
func (t *trouble) turn() (unsaid int, say bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if now := time.Now(); t.said.IsZero() || now.Sub(t.said) >= troubleInterval {
		unsaid, t.said, t.unsaid = t.unsaid, now, 0
		return unsaid, true
	}
	t.unsaid++
	return 0, false
}

// clean takes out what was sent in headers, which a collector may repeat in its answer.
func (t *trouble) clean(text string) string {
	for _, s := range t.secrets {
		text = strings.ReplaceAll(text, s, "***")
	}
	if len(text) > troubleLength {
		text = strings.ToValidUTF8(text[:troubleLength], "") + "…"
	}
	return text
}

// The rest implements logr.LogSink, for what the libraries find wrong with variables. It leaves out all values, which may be
// secret.

func (t *trouble) Init(logr.RuntimeInfo)  {}
func (t *trouble) Enabled(level int) bool { return level <= warnings }
func (t *trouble) Info(_ int, msg string, _ ...any) {
	t.log.Warn("OpenTelemetry: " + t.clean(msg))
}
func (t *trouble) Error(_ error, msg string, _ ...any) {
	t.log.Warn("OpenTelemetry could not do this, and goes on: " + t.clean(msg))
}
func (t *trouble) WithValues(...any) logr.LogSink { return t }
func (t *trouble) WithName(string) logr.LogSink   { return t }

// warnings is the level of the library's warnings.
const warnings = 1
