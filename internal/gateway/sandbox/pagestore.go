package sandbox

import (
	"strings"
	"sync"
	"time"
	"unicode/utf8"
)

// page is what a link's page shows. The e-mail is masked before it is kept.
type page struct {
	Code, LinkID     string
	MerchantID, Ref  string
	Amount, Currency string // decimal text, may be empty; ISO 4217
	Email            string // masked
	City, Country    string // of the billing address
	Minted           time.Time
}

// pageStore keeps the newest pages.
type pageStore struct {
	mu     sync.Mutex
	limit  int
	ring   []string // codes
	next   int
	byCode map[string]page
}

func newPageStore(limit int) *pageStore {
	return &pageStore{limit: limit, byCode: make(map[string]page)}
}

func (s *pageStore) add(p page) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.ring) < s.limit {
		s.ring = append(s.ring, p.Code)
	} else {
		delete(s.byCode, s.ring[s.next])
		s.ring[s.next] = p.Code
	}
	s.next = (s.next + 1) % s.limit
	s.byCode[p.Code] = p
}

func (s *pageStore) get(code string) (page, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, ok := s.byCode[code]
	return p, ok
}

// newest returns up to n pages, the newest first.
func (s *pageStore) newest(n int) []page {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ps []page
	for i := 1; i <= min(n, len(s.ring)); i++ {
		at := (s.next - i + s.limit) % s.limit
		if p, ok := s.byCode[s.ring[at]]; ok {
			ps = append(ps, p)
		}
	}
	return ps
}

// maskEmail keeps the first letter and the domain.
func maskEmail(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return ""
	}
	_, n := utf8.DecodeRuneInString(address)
	return address[:n] + "•••" + address[at:]
}
