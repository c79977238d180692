package sandbox

import (
	"crypto/sha256"
	"encoding/binary"

	"github.com/google/uuid"
)

// Everything left to chance is a hash of the seed, the order and a count, and
// never the next number of a shared generator: so neither concurrency nor what
// other orders do can change it.

// identity stands for one order (merchant and ref) under one seed.
type identity [sha256.Size]byte

func identify(seed uint64, merchantID, ref string) identity {
	b := make([]byte, 0, 256)
	b = binary.BigEndian.AppendUint64(b, seed)
	b = binary.BigEndian.AppendUint64(b, uint64(len(merchantID)))
	b = append(b, merchantID...)
	b = append(b, ref...)
	return sha256.Sum256(b)
}

// key is the identity for maps: 128 bits, without pointers.
func (id identity) key() refKey { return refKey(id[:16]) }

// once is drawn once an order.
func (id identity) once() float64 { return unit(id[16:]) }

// chance is what is drawn for one POST of an order.
type chance struct {
	fault  float64
	jitter float64
	family uint64 // of error bodies
}

func (id identity) chance(nth int) chance {
	h := id.derive('p', nth)
	return chance{fault: unit(h[:]), jitter: unit(h[8:]), family: binary.BigEndian.Uint64(h[16:])}
}

// link is what a customer gets.
type link struct {
	id   uuid.UUID
	code string // the last part of the URL
}

const (
	codeLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	codeLength  = 8
)

// link returns the order's nth link.
func (id identity) link(nth int) link {
	h := id.derive('l', nth)
	l := link{id: uuid.UUID(h[:16])}
	l.id[6] = l.id[6]&0x0f | 0x40 // version 4, as the gateway's examples
	l.id[8] = l.id[8]&0x3f | 0x80
	n := binary.BigEndian.Uint64(h[16:])
	var code [codeLength]byte
	for i := range code {
		code[i] = codeLetters[n%uint64(len(codeLetters))]
		n /= uint64(len(codeLetters))
	}
	l.code = string(code[:])
	return l
}

func (id identity) derive(purpose byte, nth int) [sha256.Size]byte {
	var b [sha256.Size + 9]byte
	copy(b[:], id[:])
	b[sha256.Size] = purpose
	binary.BigEndian.PutUint64(b[sha256.Size+1:], uint64(nth))
	return sha256.Sum256(b[:])
}

// unit reads eight bytes as a number in [0,1).
func unit(b []byte) float64 { return float64(binary.BigEndian.Uint64(b)>>11) / (1 << 53) }
