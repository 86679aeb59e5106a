package main

import (
	"os"
	"testing"

	"github.com/coatcheck-go/coatcheck/internal/test/startguide"
)

func TestMain(m *testing.M) { os.Exit(startguide.Main(m, main)) }

func TestPage(t *testing.T) { startguide.Page(t, "../../../docs/start/fiberv3.md") }
