package correct

import (
	"gorm.io/gorm"

	"github.com/coatcheck-go/coatcheck/internal/test/startserver"
)

// refusals make a store refuse writes, and return what ends that. memcached has no such
// state: it throws out others instead.
var refusals = map[string]func(*target) (mend func() error, err error){
	"file":     fullDisk,
	"redis":    fullRedis,
	"sqlite":   refuseRows,
	"postgres": refuseRows,
}

func fullRedis(t *target) (func() error, error) {
	limit := func(bytes string) error {
		_, err := startserver.RedisCommand(t.Servers.Redis.Addr, "CONFIG", "SET", "maxmemory", bytes)
		return err
	}
	return func() error { return limit("0") }, limit("1")
}

// refuseRows gives every table triggers that fail as a full disk would.
func refuseRows(t *target) (func() error, error) {
	if t.app.Store == "postgres" {
		err := t.each(func(db *gorm.DB, table string) error {
			return db.Exec(`CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
				$$ BEGIN RAISE EXCEPTION 'the disk is full' USING ERRCODE = 'disk_full'; END $$;
				CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON ` + table + ` FOR EACH ROW EXECUTE FUNCTION refuse()`).Error
		})
		return func() error {
			return t.each(func(db *gorm.DB, table string) error { return db.Exec("DROP TRIGGER refuse ON " + table).Error })
		}, err
	}
	events := []string{"INSERT", "UPDATE", "DELETE"}
	err := t.each(func(db *gorm.DB, table string) error {
		for _, event := range events {
			if err := db.Exec("CREATE TRIGGER refuse_" + event + "_" + table + " BEFORE " + event + " ON " + table +
				" BEGIN SELECT RAISE(FAIL, 'the disk is full'); END").Error; err != nil {
				return err
			}
		}
		return nil
	})
	return func() error {
		return t.each(func(db *gorm.DB, table string) error {
			for _, event := range events {
				if err := db.Exec("DROP TRIGGER refuse_" + event + "_" + table).Error; err != nil {
					return err
				}
			}
			return nil
		})
	}, err
}

func (t *target) each(f func(db *gorm.DB, table string) error) error {
	return withTables(t.app.Store, t.env.Env, f)
}
