# The steps are in .ci/run, which CI runs, too. "make ci" is what CI does.
HAMMER ?= 10m

.PHONY: help test format tidy lint oldest compile race fuzz goget vuln ci fmt api hammer soak bench prepare release

help:
	@sed -n 's/^| `make \([a-z]*\)` | \(.*\) |$$/make \1: \2/p' CONTRIBUTING.md

test race lint format tidy oldest compile fuzz goget vuln:
	@bash .ci/run $@

ci:
	@CI=true bash .ci/run

fmt:
	gofmt -w .

api:
	go test -count=1 -run 'TestAPI$$' ./internal/test/repocheck -api

# Long runs, by hand: servers killed and stopped again and again, a large sweep.
soak:
	cd stores/redisstore && GOWORK=off TESTS_SOAK=1 go test -count=1 -v -timeout 10m -run 'TestKilledUnderLoad|TestPausedServer' .
	cd internal/test/gormtest && GOWORK=off go test -count=1 -v -timeout 20m -run 'TestKill$$' -kills=20 .
	cd internal/test/gormtest && GOWORK=off go test -count=1 -v -timeout 90m -run TestSweepWhileReading -sweeprows=1000000 .
	cd internal/test/serverstores && GOWORK=off TESTS_SOAK=1 go test -count=1 -race -v -timeout 30m .

# Histories of overlapping requests against a model of sessions, over all stores in turn: docs/evidence.md.
hammer:
	cd internal/test/linear && GOWORK=off go test -count=1 -v -timeout 0 -run 'TestHammer$$' -hammer=$(HAMMER) .

# The comparison with other libraries: docs/benchmarks.md and its charts.
bench:
	cd bench && for suite in speed load correct scale signin page; do go run . $$suite || exit; done

# VERSION=v0.2.0 make prepare, and make release: CONTRIBUTING.md, Releases.
prepare:
	@bash .ci/release --prepare $(VERSION)

release:
	@bash .ci/release $(VERSION)
