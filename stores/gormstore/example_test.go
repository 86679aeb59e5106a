package gormstore_test

import (
	"context"
	"fmt"
	"log"
	"os"

	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/stores/gormstore"
)

// postgres stands for gorm.io/driver/postgres, so that the Examples need no driver in this module's go.mod. They only
// compile. A driver for MySQL or SQLite has such a function, too.
var postgres struct {
	Open func(dsn string) gorm.Dialector
}

func Example() {
	db, err := gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")), &gorm.Config{}) // yours may be open already
	if err != nil {
		log.Fatal(err)
	}
	pool, err := db.DB()
	if err != nil {
		log.Fatal(err)
	}
	pool.SetMaxIdleConns(32) // near the number of requests at once: by default 2 are kept, and the others dial

	if err := gormstore.Migrate(db, gormstore.Config{}); err != nil { // or the SQL in its comment
		log.Fatal(err)
	}
	store, err := gormstore.New(db, gormstore.Config{})
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close() // db stays open: it is yours
	fmt.Println(m.Info().Name, m.Ping(context.Background()))
}

// Another table, in a schema that exists. Migrate and New get the same Config.
func ExampleConfig() {
	db, err := gorm.Open(postgres.Open(os.Getenv("DATABASE_URL")), &gorm.Config{})
	if err != nil {
		log.Fatal(err)
	}
	config := gormstore.Config{Table: "shop.sessions"}
	if err := gormstore.Migrate(db, config); err != nil {
		log.Fatal(err)
	}
	store, err := gormstore.New(db, config)
	if err != nil {
		log.Fatal(err)
	}
	defer store.Close()
	fmt.Println(store.Ping(context.Background()))
}

// A deployment chooses the database by its URL. The store then makes the table, and owns the connections.
func ExampleRegister() {
	gormstore.Register(postgres.Open) // once, for postgres:// and postgresql://

	store, err := core.OpenStore(context.Background(), os.Getenv("DATABASE_URL")) // "postgres://shop:PASSWORD@db.example/shop"
	if err != nil {
		log.Fatal(err)
	}
	m, err := core.New(core.Config{Store: store})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	fmt.Println(m.Info().Name, m.Ping(context.Background()))
}
