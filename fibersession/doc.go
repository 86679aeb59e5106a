// Package fibersession is the Fiber adapter of coatcheck.
package fibersession

// Placeholder: holds the two requirements until the adapter's code does.
import (
	_ "github.com/coatcheck-go/coatcheck/core/driver"
	_ "github.com/gofiber/fiber/v2"
)
