package embeddedstores

import "testing"

// TestLimit has the embedded stores. internal/test/serverstores has those on servers.
func TestLimit(t *testing.T) {
	t.Run("memstore", func(t *testing.T) { CheckLimit(t, memory(t)) })
	t.Run("filestore", func(t *testing.T) { CheckLimit(t, files(t)) })
}
