package results

import (
	"context"
	"errors"
	"time"

	"github.com/hpplink/hpplink/internal/trim"
)

// Trim removes events older than age, but none that a consumer group has not read and acknowledged. It returns how
// many went, and the groups for which older ones had to stay; of several streams, each group with the stream's key. A stream
// that fails does not keep the others from being trimmed: then there is both a number and an error.
func (r *Reader) Trim(ctx context.Context, age time.Duration) (trimmed int64, behind []string, err error) {
	for _, s := range r.streams {
		n, groups, failed := trim.Stream(ctx, s.rdb, s.key, age)
		trimmed, err = trimmed+n, errors.Join(err, failed)
		for _, group := range groups {
			if len(r.streams) > 1 {
				group += " of " + s.key
			}
			behind = append(behind, group)
		}
	}
	return trimmed, behind, err
}
