module github.com/coatcheck-go/coatcheck/internal/linear

go 1.25.0

require (
	github.com/anishathalye/porcupine v1.3.1
	github.com/coatcheck-go/coatcheck v0.1.0
)

replace github.com/coatcheck-go/coatcheck => ../..
