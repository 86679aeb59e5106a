package driver_test

import (
	"strings"
	"testing"

	"github.com/coatcheck-go/coatcheck/core/driver"
)

// What is likely to be mistyped must not show the password.
func TestMistypedURLsShowNoPassword(t *testing.T) {
	for _, text := range []string{
		"admin:hunter2@10.0.0.1:6379", "redis:hunter2@10.0.0.1:6379", "postgres:app:hunter2@h/db", "redis:/u:hunter2@h", "redis:///u:hunter2@h",
		"postgres//u:hunter2@h", "//u:hunter2@h", "u:hunter2@h", "postgres:\\\\u:hunter2@h", "Postgres://u:hunter2@h", "postgres ://u:hunter2@h",
		"postgres://u:hun/ter2@h/db", "postgres://u:hunter2/x@h/db", "postgres://u:hunter2?x@h/db", "postgres://u:hunter2#x@h/db", "postgres://u:x@hunter2@h/db",
		"mysql://u:hunter2@tcp(h:3306)/db", "postgres://h/db?pw=hunter2", "postgres://h/db?auth=hunter2", "postgres://h/db?password=hunter2",
		"postgres://h/db?cache=redis:hunter2@h", "postgres://h/db?cache=redis://:hunter2@h", "postgres://h/db?cache=redis%3A%2F%2F%3Ahunter2%40h",
		"postgres:host=h password=hunter2 user=u", "mysql:u:hunter2@tcp(h)/db", "mysql:root:hunter2@/db", "redis://h:6379,u:hunter2@h2:6379",
		"redis://:hunter2@h:6379\nredis://:hunter2@h2", "\"redis://:hunter2@h\"", "'redis://:hunter2@h'", "redis:// :hunter2@h", "COATCHECK_STORE=redis://:hunter2@h",
		"cookie:?keys=hunter2", "file:./x?keys=k1:hunter2", "redis://h?password:hunter2", "redis://h/0?a=b?password=hunter2",
		"postgres://u:hunter2@[::1/db", "postgres://u:hunter2%zz@h/db",
		"postgres://u:hunter2", "postgres://:hunter2", "postgres://u:hunter2h:5432/db", "postgres://u:12hunter2/db",
		"redis://h:6379/hunter2@0",
	} {
		_, err := driver.Open(t.Context(), text)
		if err != nil && strings.Contains(err.Error(), "unter2") || strings.Contains(driver.RedactURL(text), "unter2") {
			t.Errorf("%s:\n\t%v\n\t%s", text, err, driver.RedactURL(text))
		}
	}
}
