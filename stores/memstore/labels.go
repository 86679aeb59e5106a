package memstore

import "slices"

// labelled returns the labels of e, with no room behind them that an append could reach.
func (e *entry) labelled() []string {
	if e.labels == nil {
		return nil
	}
	return slices.Clip(*e.labels)
}

func (sh *shard) linkLabels(slot uint32) {
	labels := sh.at(slot).labelled()
	if len(labels) > 0 && sh.byLabel == nil {
		sh.byLabel = map[string][]uint32{}
	}
	for _, label := range labels {
		sh.byLabel[label] = append(sh.byLabel[label], slot)
	}
}

// clearNames takes the subject and the labels from a slot, and the slot out of their lists.
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
		sh.byLabel = nil // a map keeps its room otherwise
	}
	e.subject, e.labels = "", nil
}
