package embeddedstores

import "testing"

// TestSlowLoop has the embedded stores. internal/test/serverstores has those on servers.
func TestSlowLoop(t *testing.T) {
	t.Run("memstore", func(t *testing.T) { t.Parallel(); CheckLoop(t, memory(t)(t)) })
	t.Run("filestore", func(t *testing.T) { t.Parallel(); CheckLoop(t, files(t)(t)) })
}
