package web_test

import (
	"os"
	"testing"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/redistest"
)

// TestBrowserOrderPagesLook opens every page in a wide and in a narrow window; and in the dark as well, where somebody wants to look at it.
func TestBrowserOrderPagesLook(t *testing.T) {
	s := newScene(t, redistest.Server(t), writable)
	s.hour()
	s.troubles()
	s.aBatch("invoices-3f9a1c77")
	s.accept(key("M-4004", "SENDING-1"), order.Interactive)
	s.claim(key("M-4004", "SENDING-1"))
	for _, v := range views {
		if v.dark && os.Getenv("HPPLINK_SCREENSHOTS") == "" {
			continue // it is as wide as in the light
		}
		t.Run(v.name, func(t *testing.T) {
			b := openTab(t, v)
			b.logIn(s.bench, "/orders")
			for name, path := range map[string]string{
				"overview": "/orders", "failed": "/orders/failed", "failed-rejected": "/orders/failed?code=rejected", "failed-emails": "/orders/failed?list=emails",
				"confirm-all": "/orders/failed/replay?code=rejected", "confirm-one": "/orders/failed/replay?key=M-3003%3AMAYBE-1",
				"order-held": orderPath(key("M-1001", "INV-3")), "order-failed": orderPath(key("M-2002", "ORDER-2026-11-22-000")),
				"order-mailed": orderPath(key("M-3003", "MAIL-0")), "order-hostile": orderPath(key("M-4004", hostileRefs[0])),
				"order-paced": orderPath(key("M-2002", "R-36")), "order-long": orderPath(key("M-4004", hostileRefs[3])),
				"batches": "/orders/batches", "batch": "/orders/batches/invoices-3f9a1c77", "surplus": "/orders/surplus", "minutes": "/orders/minutes",
				"find": "/orders/find", "nowhere": "/orders/nowhere", "found-nothing": "/orders/find?q=f49173ce-4916-445c-a831-3c1468acf14e",
			} {
				if name == "nowhere" || name == "found-nothing" {
					b.expect("404")
				}
				b.visit(s.url + path)
				b.shoot(name)
				b.fits()
			}
		})
	}
}
