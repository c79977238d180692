package bulk

// verdict is what is to be done with a row.
type verdict uint8

const (
	fresh    verdict = iota // to be handed in: new, or the correction of one that failed
	open                    // known, and its link is owed
	issued                  // known, and it has its link
	failed                  // known; it may be tried again
	doubtful                // known and failed, and a link that nobody was shown may exist
	repeat                  // says the same as an earlier row
	conflict                // another order is known under its ref
	clash                   // another row has its ref, and says something else
	invalid                 // no valid order
	verdicts
)

// sendable tells whether rows of a verdict are orders that belong into the batch.
func (v verdict) sendable() bool { return v <= doubtful }

// note is what is remembered of a row: no more than this, so that a million rows take 40 MB.
type note struct {
	key      [2]uint64 // hash of merchant and ref
	content  uint64    // hash of what the order says
	amount   int64     // in ten-thousandths, as no currency has smaller units; -1 when the customer enters it
	number   uint32    // as the spreadsheet program shows it
	batches  uint16    // of the file's name that it is in already, in Plan.batches
	currency uint8     // in Plan.currencies
	verdict  verdict
}

// notes are those of all rows. They grow by pieces, so that nothing is ever copied.
type notes struct {
	pieces [][]note
	n      int
	slots  []uint32 // hash table from key to row: its index + 1; the length is a power of two
	used   int
}

const piece = 1 << 13

func (s *notes) add(n note) (index int) {
	if s.n%piece == 0 {
		s.pieces = append(s.pieces, make([]note, 0, piece))
	}
	last := len(s.pieces) - 1
	s.pieces[last] = append(s.pieces[last], n)
	s.n++
	return s.n - 1
}

func (s *notes) at(i int) *note { return &s.pieces[i/piece][i%piece] }

// first returns the row that was filed first under a key.
func (s *notes) first(key [2]uint64) (index int, found bool) {
	if len(s.slots) == 0 {
		return 0, false
	}
	slot := s.slot(key)
	return int(s.slots[slot]) - 1, s.slots[slot] != 0
}

// slot is where a key is, or the empty one where it would go.
func (s *notes) slot(key [2]uint64) int {
	mask := len(s.slots) - 1
	for i := int(key[0]) & mask; ; i = (i + 1) & mask {
		if s.slots[i] == 0 || s.at(int(s.slots[i])-1).key == key {
			return i
		}
	}
}

// file makes a row the first one under its key.
func (s *notes) file(index int) {
	if 4*(s.used+1) > 3*len(s.slots) {
		s.grow()
	}
	s.slots[s.slot(s.at(index).key)] = uint32(index) + 1
	s.used++
}

func (s *notes) grow() {
	old := s.slots
	s.slots = make([]uint32, max(1024, 2*len(old)))
	for _, index := range old {
		if index != 0 {
			s.slots[s.slot(s.at(int(index)-1).key)] = index
		}
	}
}
