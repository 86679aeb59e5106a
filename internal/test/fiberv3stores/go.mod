module github.com/coatcheck-go/coatcheck/internal/test/fiberv3stores

go 1.25.0

require (
	github.com/coatcheck-go/coatcheck v0.1.0
	github.com/coatcheck-go/coatcheck/fiberv3session v0.1.0
	github.com/coatcheck-go/coatcheck/stores/gormstore v0.1.0
	github.com/coatcheck-go/coatcheck/stores/redisstore v0.1.0
	github.com/gofiber/fiber/v3 v3.5.0
	github.com/redis/rueidis v1.0.79
	gorm.io/driver/postgres v1.6.3
	gorm.io/gorm v1.31.2
)

require (
	github.com/andybalholm/brotli v1.2.2 // indirect
	github.com/gofiber/schema v1.8.3 // indirect
	github.com/gofiber/utils/v2 v2.4.1 // indirect
	github.com/google/uuid v1.6.0 // indirect
	github.com/jackc/pgpassfile v1.0.0 // indirect
	github.com/jackc/pgservicefile v0.0.0-20240606120523-5a60cdf6a761 // indirect
	github.com/jackc/pgx/v5 v5.10.0 // indirect
	github.com/jackc/puddle/v2 v2.2.2 // indirect
	github.com/jinzhu/inflection v1.0.0 // indirect
	github.com/jinzhu/now v1.1.5 // indirect
	github.com/klauspost/compress v1.19.2 // indirect
	github.com/mattn/go-colorable v0.1.15 // indirect
	github.com/mattn/go-isatty v0.0.24 // indirect
	github.com/philhofer/fwd v1.2.0 // indirect
	github.com/tinylib/msgp v1.6.4 // indirect
	github.com/valyala/bytebufferpool v1.0.0 // indirect
	github.com/valyala/fasthttp v1.73.0 // indirect
	golang.org/x/crypto v0.54.0 // indirect
	golang.org/x/net v0.57.0 // indirect
	golang.org/x/sync v0.22.0 // indirect
	golang.org/x/sys v0.47.0 // indirect
	golang.org/x/text v0.41.0 // indirect
)

replace (
	github.com/coatcheck-go/coatcheck => ../../..
	github.com/coatcheck-go/coatcheck/fiberv3session => ../../../fiberv3session
	github.com/coatcheck-go/coatcheck/stores/gormstore => ../../../stores/gormstore
	github.com/coatcheck-go/coatcheck/stores/redisstore => ../../../stores/redisstore
)
