package partition

import (
	"fmt"
	"strconv"

	"github.com/hpplink/hpplink/internal/order"
	"github.com/hpplink/hpplink/internal/queue"
)

// Most is how many partitions there may be. Each costs an idle worker some forty small commands a second.
const Most = 16

// slots is how many a cluster has (Redis Cluster specification, key distribution model).
const slots = 16384

// Names returns the namespaces of n partitions. One is the namespace itself; of several, each has a slot in its n-th part of all
// slots, and so have its queues: so they lie evenly on masters that share the slots evenly. The character ~ is not allowed in
// a namespace that people choose.
func Names(namespace string, n int) []string {
	if n <= 1 {
		return []string{namespace}
	}
	names := make([]string, n)
	for i := range names {
		names[i] = name(namespace, n, i)
	}
	return names
}

// name is found by trying: one in n^3 fits.
func name(namespace string, n, i int) string {
	fits := func(s string) bool {
		at := slot(s)
		return at >= i*slots/n && at < (i+1)*slots/n
	}
	for k := int64(0); ; k++ {
		s := fmt.Sprintf("%s~%d.%d.%s", namespace, n, i, strconv.FormatInt(k, 36))
		if fits(s) && fits(queue.Name(s, order.Interactive)) && fits(queue.Name(s, order.Bulk)) {
			return s
		}
	}
}

// slot is the slot of a hash tag: its CRC16 as XMODEM has it, modulo the number of slots.
func slot(tag string) int {
	var crc uint16
	for i := range len(tag) {
		crc ^= uint16(tag[i]) << 8
		for range 8 {
			if crc&0x8000 != 0 {
				crc = crc<<1 ^ 0x1021
			} else {
				crc <<= 1
			}
		}
	}
	return int(crc) % slots
}
