package embeddedstores

import "testing"

// TestSlowLoop: internal/test/serverstores has the stores on servers.
func TestSlowLoop(t *testing.T) {
	t.Run("memstore", func(t *testing.T) { t.Parallel(); CheckLoop(t, memory(t)(t)) })
	t.Run("filestore", func(t *testing.T) { t.Parallel(); CheckLoop(t, files(t)(t)) })
}
