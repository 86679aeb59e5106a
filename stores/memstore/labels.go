package memstore

import "slices"

// labelled returns the labels of e. The slice has no spare capacity, so an append by a caller copies it.
func (e *entry) labelled() []string {
	if e.labels == nil {
		return nil
	}
	return slices.Clip(*e.labels)
}

// linkLabels adds the slot to the lists of its labels.
func (sh *shard) linkLabels(slot uint32) {
	labels := sh.at(slot).labelled()
	if len(labels) > 0 && sh.byLabel == nil {
		sh.byLabel = map[string][]uint32{}
	}
	for _, label := range labels {
		sh.byLabel[label] = append(sh.byLabel[label], slot)
	}
}

// clearNames removes the subject and the labels of the entry in slot, and removes the slot from their lists.
func (sh *shard) clearNames(slot uint32) {
	sh.unlink(bySubject, slot)
	e := sh.at(slot)
	for _, label := range e.labelled() {
		slots := sh.byLabel[label]
		if len(slots) == 1 {
			delete(sh.byLabel, label)
			continue
		}
		i := slices.Index(slots, slot)
		slots[i] = slots[len(slots)-1]
		sh.byLabel[label] = slots[:len(slots)-1]
	}
	if len(sh.byLabel) == 0 {
		sh.byLabel = nil // an empty map would keep its memory
	}
	e.subject, e.labels = "", nil
}
