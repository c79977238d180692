package bulk

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strings"

	"github.com/hpplink/hpplink/internal/order"
)

const (
	maxStem = 40 // characters of a file's name in its batch's id
	idHash  = 4  // bytes of the hash in it
)

// batchID names the batch of a file: by its name, and by all its orders in their order. So the same file is the same batch,
// also with another amount in it.
type batchID struct{ sum hash.Hash }

func newBatchID() batchID { return batchID{sha256.New()} }

func (b batchID) add(k order.Key) { b.sum.Write([]byte(k.String() + "\n")) }

func (b batchID) of(name string) string {
	return prefix(name) + hex.EncodeToString(b.sum.Sum(nil)[:idHash])
}

// prefix is how the ids of batches begin that come from files of a name. It holds nothing that Redis, a shell or a path would
// take amiss.
func prefix(name string) string {
	safe := strings.Map(func(c rune) rune {
		if c < 128 && (c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c == '.' || c == '-') {
			return c
		}
		return '-'
	}, stem(name))
	safe = strings.Trim(safe, "-.")
	if safe = safe[:min(len(safe), maxStem)]; safe == "" {
		safe = "batch"
	}
	return safe + "-"
}

// fingerprint is 128 bits of a hash.
func fingerprint(s string) [2]uint64 {
	sum := sha256.Sum256([]byte(s))
	return [2]uint64{binary.LittleEndian.Uint64(sum[:]), binary.LittleEndian.Uint64(sum[8:])}
}
