module github.com/coatcheck-go/coatcheck/examples

go 1.25.0

require github.com/coatcheck-go/coatcheck v0.1.0

replace github.com/coatcheck-go/coatcheck => ../
