package web

import "github.com/hpplink/hpplink/internal/web/pages"

// servePages registers the pages about orders.
func (s *Site) servePages() {
	p := pages.New(pages.Config{Redis: s.Redis, Ledger: s.Ledger, Door: s.Door, Merchants: s.Merchants, Write: s.Write, Log: s.Log})
	for pattern, h := range p.Routes() {
		s.page(pattern, h)
	}
}
