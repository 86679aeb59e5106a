package storetest

import (
	"context"
	"slices"
	"strings"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

var labelMutants = []mutant{
	{"forgets the labels", "LoadReturnsTheRecord LabelsAreKept", changeStored(func(rec *driver.Record) { rec.Labels = nil })},
	{"sorts the labels", "LabelsAreKept", changeStored(func(rec *driver.Record) { rec.Labels = slices.Sorted(slices.Values(rec.Labels)) })},
	{"keeps one label fewer", "LabelsAreKept LargestNames", changeStored(func(rec *driver.Record) {
		rec.Labels = rec.Labels[:min(len(rec.Labels), driver.MaxLabels-1)]
	})},
	{"joins the labels with commas", "LabelsAreKept ByLabelIsExact", changeStored(func(rec *driver.Record) {
		if len(rec.Labels) > 0 {
			rec.Labels = strings.Split(strings.Join(rec.Labels, ","), ",")
		}
	})},
	{"ends labels at NUL", "LabelsAreKept", changeStored(func(rec *driver.Record) {
		rec.Labels = slices.Clone(rec.Labels)
		for i := range rec.Labels {
			rec.Labels[i], _, _ = strings.Cut(rec.Labels[i], "\x00")
		}
	})},
	{"cuts labels off", "LabelsAreKept LargestNames", changeStored(func(rec *driver.Record) {
		rec.Labels = slices.Clone(rec.Labels)
		for i, label := range rec.Labels {
			rec.Labels[i] = label[:min(len(label), driver.MaxSubject-1)]
		}
	})},
	{"counts names as data", "LargestNames", func(b *broken) {
		b.create = func(ctx context.Context, rec *driver.Record) error {
			if len(rec.Subject)+len(strings.Join(rec.Labels, ""))+len(rec.Data) > modelMaxData+driver.MaxSubject {
				return driver.ErrTooLarge
			}
			return b.model.Create(ctx, rec)
		}
	}},
}
