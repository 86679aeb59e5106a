# The steps are in .ci/run, which CI runs, too. "make ci" is what CI does.
.PHONY: test race lint format tidy alone fuzz goget vuln ci fmt

test race lint format tidy alone fuzz goget vuln:
	@bash .ci/run $@

ci:
	@CI=true bash .ci/run

fmt:
	gofmt -w .
