//go:build !unix

package startserver

import "errors"

var errPlatform = errors.New("startserver: servers need a Unix system")

type process struct{}

func run(dir, account, path string, args ...string) (*process, error) { return nil, errPlatform }
func chownTo(dir, account string) error                               { return nil }
func runToEnd(dir, account, path string, args ...string) error        { return errPlatform }
func (p *process) pid() int                                           { return 0 }
func (p *process) ended() bool                                        { return true }
func (p *process) output() string                                     { return "" }
func (p *process) kill()                                              {}
func (p *process) pause()                                             {}
func (p *process) resume()                                            {}
