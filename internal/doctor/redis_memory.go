package doctor

import "fmt"

const (
	// bytesPerOrder is what an open order of usual size takes in Redis, its task and indices included; deploy/PERFORMANCE.md
	// has how that was measured.
	bytesPerOrder = 1_900
	// leastRoom is how many more orders are to fit: an hour of a shop, or one file.
	leastRoom = 10_000

	fullNote, fullMend = 0.8, 0.9 // of its memory
)

// memory says how much more fits.
func (n node) memory(r Redis) []Finding {
	s := about(redisGroup, "memory")
	used, most, machine := n.number("used_memory"), n.number("maxmemory"), n.number("total_system_memory")
	if used == 0 {
		return nil
	}
	var all []Finding
	limit := most
	if most == 0 {
		limit = machine
		all = append(all, s.note(fmt.Sprintf("set maxmemory to what it may have, such as %s", size(machine*3/4)),
			"%s has no maxmemory: short of memory it is killed, rather than that it refuses orders", n.name))
	}
	if limit == 0 {
		return all
	}
	room, share := max(limit-used, 0)/bytesPerOrder, float64(used)/float64(limit)
	const remedy = "raise maxmemory, shorten HPPLINK_RETENTION, or discard failed orders that nobody wants"
	switch {
	case room < leastRoom || share > fullMend:
		return append(all, s.mend(remedy, "%s uses %s of %s: there is room for some %d more open orders", n.name, size(used), size(limit), room))
	case share > fullNote:
		return append(all, s.note(remedy, "%s uses %s of %s: there is room for some %d more open orders", n.name, size(used), size(limit), room))
	}
	all = append(all, s.fine("%s of %s used: room for some %d more open orders", size(used), size(limit), room))
	return append(all, r.bound(limit, room)...)
}

// bound says which merchants could fill the memory before they are held back.
func (r Redis) bound(limit, room int64) (all []Finding) {
	for _, p := range r.Merchants {
		if int64(p.MaxOpen) > limit/bytesPerOrder {
			all = append(all, about(redisGroup, "memory").of(p.ID).note(fmt.Sprintf("lower its max_open / HPPLINK_MAX_OPEN to %d or less, or raise maxmemory", room/2),
				"%s may have %d orders open, which do not fit into %s: Redis would refuse everybody's orders first", p.ID, p.MaxOpen, size(limit)))
		}
	}
	return all
}

func size(bytes int64) string {
	const mib, gib = 1 << 20, 1 << 30
	if bytes >= gib {
		return fmt.Sprintf("%.1f GiB", float64(bytes)/gib)
	}
	return fmt.Sprintf("%.1f MiB", float64(bytes)/mib)
}
