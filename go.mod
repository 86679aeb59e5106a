module github.com/coatcheck-go/coatcheck

go 1.25.0
