// Package examples holds programs to run: each folder is one.
package examples

// Placeholder: holds the requirement until the first example does.
import _ "github.com/coatcheck-go/coatcheck/core/driver"
