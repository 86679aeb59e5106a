package gormtest

import (
	"testing"

	"gorm.io/driver/mysql"
	"gorm.io/driver/postgres"
	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/internal/test/rounds"
)

// otherDialect hides which dialect it is, so that the store uses standard SQL and AutoMigrate.
type otherDialect struct{ *postgres.Dialector }

func (otherDialect) Name() string { return "other" }

// TestVariants runs the suite under settings that applications choose. All handles share one connection pool, because
// the suite opens many handles and PostgreSQL needs 20 ms for a connection.
func TestVariants(t *testing.T) {
	variants := []struct {
		name      string
		at        func(testing.TB) place
		dialector func(dsn string) gorm.Dialector
	}{
		{"OtherDialect", postgresAt, func(dsn string) gorm.Dialector {
			return otherDialect{postgres.Open(dsn).(*postgres.Dialector)}
		}},
		{"Serializable", postgresAt, func(dsn string) gorm.Dialector {
			return postgres.Open(dsn + "&default_transaction_isolation=serializable")
		}},
		{"SimpleProtocol", postgresAt, func(dsn string) gorm.Dialector {
			return postgres.New(postgres.Config{DSN: dsn, PreferSimpleProtocol: true})
		}},
		{"FoundRowsInterpolated", mariadbAt, func(dsn string) gorm.Dialector {
			return mysql.Open(dsn + "&clientFoundRows=true&interpolateParams=true&parseTime=true&charset=utf8mb4&sql_mode=%27%27")
		}},
		{"Latin1Serializable", mariadbAt, func(dsn string) gorm.Dialector {
			return mysql.Open(dsn + "&charset=latin1&tx_isolation=%27SERIALIZABLE%27")
		}},
	}
	for _, v := range variants {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			p := v.at(t).direct()
			p.dialector = func() gorm.Dialector { return v.dialector(p.dsn) }
			p.shared = p.open(t)
			h := engine{v.name, func(testing.TB) place { return p }}.harness(t)
			h.Outages, h.Block = nil, nil       // TestStore has them
			h.MaxData = rounds.Of(0, h.MaxData) // the largest Data takes most of the time: TestStore has it
			storetest.Run(t, h)
		})
	}
}
