module github.com/coatcheck-go/coatcheck/internal/test/routers

go 1.25.0

require (
	connectrpc.com/connect v1.20.0
	github.com/coatcheck-go/coatcheck v0.1.0
	github.com/go-chi/chi/v5 v5.5.0
	github.com/gorilla/mux v1.8.1
	google.golang.org/protobuf v1.36.11
)

replace github.com/coatcheck-go/coatcheck => ../../..
