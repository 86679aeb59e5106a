module github.com/coatcheck-go/coatcheck/examples/fiberv3

go 1.25.0

require (
	github.com/coatcheck-go/coatcheck v0.1.0
	github.com/coatcheck-go/coatcheck/examples v0.1.0
	github.com/coatcheck-go/coatcheck/fiberv3session v0.1.0
	github.com/gofiber/fiber/v3 v3.5.0
)

require (
	github.com/andybalholm/brotli v1.2.2 // indirect
	github.com/gofiber/schema v1.8.3 // indirect
	github.com/gofiber/utils/v2 v2.4.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/mileusna/useragent v1.3.5 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.73.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.40.0 // indirect
)

replace (
	github.com/coatcheck-go/coatcheck => ../../
	github.com/coatcheck-go/coatcheck/echosession => ../../echosession
	github.com/coatcheck-go/coatcheck/examples => ../
	github.com/coatcheck-go/coatcheck/fibersession => ../../fibersession
	github.com/coatcheck-go/coatcheck/fiberv3session => ../../fiberv3session
	github.com/coatcheck-go/coatcheck/ginsession => ../../ginsession
)

replace github.com/coatcheck-go/coatcheck/echov5session => ../../echov5session
