package metrics

import (
	"strings"

	"github.com/hpplink/hpplink/internal/merchant"
	"github.com/hpplink/hpplink/internal/order"
)

// other is the label of all merchants that have no profile: producers could name any number of them.
const other = "other"

// labelOf is a merchant's label, which has to be UTF-8.
func labelOf(merchantID string) string { return strings.ToValidUTF8(merchantID, "\uFFFD") }

// byLabel adds up values of merchants, those without a profile together.
type byLabel struct {
	merchants *merchant.Directory
	values    map[string]float64
}

// zeros has a zero for each merchant with a profile.
func zeros(d *merchant.Directory) byLabel {
	b := byLabel{d, map[string]float64{}}
	for _, p := range d.All() {
		b.values[labelOf(p.ID)] = 0
	}
	return b
}

func (b byLabel) add(merchantID string, value float64) {
	label := other
	if _, known := b.merchants.Lookup(merchantID); known {
		label = labelOf(merchantID)
	}
	b.values[label] += value
}

// lanes are those of orders, in the order of laneIndex.
var lanes = [...]order.Lane{order.Interactive, order.Bulk}

func laneIndex(lane order.Lane) int {
	if lane == order.Bulk {
		return 1
	}
	return 0
}
