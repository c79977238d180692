package sandbox

import (
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Options set up a Server. The zero value is a gateway that answers at once and
// never fails.
type Options struct {
	// Seed decides everything left to chance. 0 means 1.
	Seed uint64
	// Latency of each answer, give or take up to Jitter.
	Latency, Jitter time.Duration
	// PublicURL is the base of the links; by default http://{Host of the request}.
	PublicURL string
	// Faults at the start; SetFaults changes them.
	Faults Faults
	// APIKey and XAPIKey, when set, are the only ones accepted. APIKey is
	// matched as given, and base64-encoded with or without a final colon.
	APIKey, XAPIKey string
	// Idempotent: a ref that has a link is answered with that link again.
	Idempotent bool
	// DuplicateConflict: a ref that has a link is answered 409. Not both.
	DuplicateConflict bool
	// JournalLimit is how many POSTs, and pages of links, are kept: 200,000 by
	// default. Counters are exact beyond it.
	JournalLimit int
	// Logger gets changes of faults, and each POST at debug level; nil: none.
	Logger *slog.Logger
}

const defaultJournalLimit = 200_000

// Server is a simulated gateway. All its methods may be called at any time,
// from any goroutine.
type Server struct {
	options   Options
	basicKeys []string // accepted Authorization headers; empty: any
	faults    atomic.Pointer[Faults]
	posts     atomic.Int64
	minted    atomic.Int64
	nameless  atomic.Int64 // POSTs without a ref
	refs      *refs
	journal   *journal
	pages     *pageStore
	mux       *http.ServeMux
	closing   chan struct{}
	close     sync.Once
}

// New returns a Server, or an error telling of every option that is wrong.
func New(o Options) (*Server, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	o.setDefaults()
	s := &Server{
		options:   o,
		basicKeys: basicKeys(o.APIKey),
		refs:      newRefs(),
		journal:   newJournal(o.JournalLimit),
		pages:     newPageStore(o.JournalLimit),
		closing:   make(chan struct{}),
	}
	s.faults.Store(&o.Faults)
	s.mux = s.routes()
	return s, nil
}

func (o *Options) validate() error {
	var errs []error
	if o.Latency < 0 || o.Jitter < 0 {
		errs = append(errs, errors.New("latency and jitter must not be negative"))
	}
	if o.JournalLimit < 0 {
		errs = append(errs, errors.New("the journal's limit must not be negative; 0 means the default"))
	}
	if o.Idempotent && o.DuplicateConflict {
		errs = append(errs, errors.New("a second POST is answered either with the first link or with 409: choose one"))
	}
	if o.PublicURL != "" && !isBaseURL(o.PublicURL) {
		errs = append(errs, fmt.Errorf("public URL %q is not like https://host:port", o.PublicURL))
	}
	return errors.Join(errs...)
}

func isBaseURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" &&
		u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func (o *Options) setDefaults() {
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.JournalLimit == 0 {
		o.JournalLimit = defaultJournalLimit
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	o.PublicURL = strings.TrimRight(o.PublicURL, "/")
}

func basicKeys(key string) []string {
	if key == "" {
		return nil
	}
	encode := base64.StdEncoding.EncodeToString
	return []string{key, encode([]byte(key)), encode([]byte(key + ":"))}
}

// Handler serves the gateway's endpoint under any prefix, the pages of its links,
// and /_sandbox/. Give Close to http.Server.RegisterOnShutdown.
func (s *Server) Handler() http.Handler { return http.HandlerFunc(s.serve) }

// Close ends every hang and latency that is under way or to come, so that an
// http.Server that shuts down need not wait for them. The Server otherwise works on.
func (s *Server) Close() { s.close.Do(func() { close(s.closing) }) }

// SetFaults replaces the faults, for POSTs that have not yet been drawn for.
func (s *Server) SetFaults(f Faults) {
	s.faults.Store(&f)
	s.options.Logger.Info("sandbox faults set", "faults", f.String())
}

// Faults returns the faults as they stand.
func (s *Server) Faults() Faults { return *s.faults.Load() }

// Stats are exact counts since the start.
type Stats struct {
	Posts   int64 `json:"posts"`   // to the endpoint, the refused included
	Minted  int64 `json:"minted"`  // links
	Refs    int64 `json:"refs"`    // distinct (merchant, ref); a POST without a ref is one of its own
	Without int64 `json:"without"` // refs with no link
	Once    int64 `json:"once"`    // refs with one link
	Doubled int64 `json:"doubled"` // refs with more than one
	// Faults counts the strikes of each fault by its name. It is brought up to
	// date when a POST ends, the others while it is under way.
	Faults map[string]int64 `json:"faults"`
}

// Stats returns the counts.
func (s *Server) Stats() Stats {
	st := Stats{
		Posts: s.posts.Load(), Minted: s.minted.Load(),
		Once: s.refs.once.Load(), Doubled: s.refs.doubled.Load(),
		Refs: s.refs.seen.Load(), Faults: s.journal.faultCounts(),
	}
	st.Without = st.Refs - st.Once - st.Doubled
	return st
}
