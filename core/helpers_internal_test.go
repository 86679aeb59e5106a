package core

import "flag"

var update = flag.Bool("update", false, "write golden files that do not exist yet")
