package sandbox

import (
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json"
)

func (s *Server) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.showIndex)
	mux.HandleFunc("GET "+pagePath+"{code}", s.showPage)
	mux.HandleFunc("GET /_sandbox/faults", s.getFaults)
	mux.Handle("POST /_sandbox/faults", local(s.postFaults))
	mux.Handle("DELETE /_sandbox/faults", local(s.deleteFaults))
	mux.HandleFunc("GET /_sandbox/journal", s.getJournal)
	mux.HandleFunc("GET /_sandbox/journal/summary", s.getSummary)
	mux.HandleFunc("/", s.notFound)
	return mux
}

// serve finds the endpoint by the end of its path, since clients configure the
// whole base; anything else is exact.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, endpoint) {
		s.generate(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

func (s *Server) notFound(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		writeJSON(w, http.StatusNotFound, statusMessage(http.StatusNotFound))
		return
	}
	s.showMissing(w, r)
}

// local lets nobody steer the gateway from another host, nor from a web page of
// another origin in a browser on this one.
func local(next http.HandlerFunc) http.Handler {
	protection := http.NewCrossOriginProtection()
	return protection.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.RemoteAddr)
		if err != nil || !net.ParseIP(host).IsLoopback() {
			http.Error(w, "faults are changed from this machine only", http.StatusForbidden)
			return
		}
		next(w, r)
	}))
}

func (s *Server) getFaults(w http.ResponseWriter, _ *http.Request) { s.writeFaults(w) }

func (s *Server) writeFaults(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = io.WriteString(w, s.Faults().String()+"\n")
}

const maxFaultsText = 4 << 10

func (s *Server) postFaults(w http.ResponseWriter, r *http.Request) {
	text, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxFaultsText))
	if err != nil {
		http.Error(w, "the list of faults is too long", http.StatusRequestEntityTooLarge)
		return
	}
	f, err := ParseFaults(string(text))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.SetFaults(f)
	s.writeFaults(w)
}

func (s *Server) deleteFaults(w http.ResponseWriter, _ *http.Request) {
	s.SetFaults(Faults{})
	w.WriteHeader(http.StatusNoContent)
}

const (
	defaultEntries = 100
	maxEntries     = 10_000
)

func (s *Server) getJournal(w http.ResponseWriter, r *http.Request) {
	v := r.URL.Query()
	after, err := number(v.Get("after"), 0)
	if err != nil {
		http.Error(w, "after must be the seq of an entry", http.StatusBadRequest)
		return
	}
	limit, err := number(v.Get("limit"), defaultEntries)
	if err != nil || limit < 1 || limit > maxEntries {
		http.Error(w, "limit must be a number from 1 to "+strconv.Itoa(maxEntries), http.StatusBadRequest)
		return
	}
	entries := s.journal.find(query{v.Get("ref"), v.Get("merchant_id"), after, int(limit)})
	answer(w, struct {
		Posts   int64   `json:"posts"`
		Minted  int64   `json:"minted"`
		Refs    int64   `json:"refs"`
		Entries []Entry `json:"entries"`
	}{s.posts.Load(), s.minted.Load(), s.refs.seen.Load(), entries})
}

func number(text string, absent int64) (int64, error) {
	if text == "" {
		return absent, nil
	}
	return strconv.ParseInt(text, 10, 64)
}

// doubledEntry is a ref with more than one link.
type doubledEntry struct {
	MerchantID string `json:"merchant_id"`
	Ref        string `json:"ref"`
	Minted     int    `json:"minted"`
}

// getSummary reads counters only, so that it costs the same whatever the number
// of orders.
func (s *Server) getSummary(w http.ResponseWriter, _ *http.Request) {
	list := []doubledEntry{}
	for _, d := range s.journal.doubledRefs() {
		list = append(list, doubledEntry{d.merchant, d.ref, s.refs.minted(d.key)})
	}
	answer(w, struct {
		Stats
		DoubledRefs []doubledEntry `json:"doubled_refs"` // the first 1000
	}{s.Stats(), list})
}

func answer(w http.ResponseWriter, v any) {
	body, err := json.Marshal(v)
	if err != nil { // only if a ref held bad UTF-8, which decoding refused
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	writeJSON(w, http.StatusOK, append(body, '\n'))
}
