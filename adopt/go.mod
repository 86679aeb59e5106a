module github.com/coatcheck-go/coatcheck/adopt

go 1.25.0

require (
	github.com/coatcheck-go/coatcheck v0.1.0
	github.com/gorilla/securecookie v1.1.2
)

replace github.com/coatcheck-go/coatcheck => ../
