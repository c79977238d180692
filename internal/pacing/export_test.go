package pacing

import (
	"context"

	"github.com/hpplink/hpplink/internal/order"
)

// Pass has an order line up and wait for its pass.
func (p *Pacer) Pass(ctx context.Context, merchantID string, perSecond float64, lane order.Lane, waited bool) (Pass, error) {
	place, err := p.LineUp(ctx, merchantID, perSecond, lane, waited)
	if err != nil {
		return Pass{}, err
	}
	return place.Await(ctx)
}
