package peer

import "errors"

// onServer is the App that build makes over the store that open returns. Closing the
// App calls the func that open returns, last.
func onServer[T any](open func(Env) (T, func(), error), build func(func(Env) (T, error)) App) App {
	app := build(nil)
	app.New = func(env Env) (*Running, error) {
		stop := func() {}
		running, err := build(func(env Env) (T, error) {
			store, closeStore, err := open(env)
			if err == nil {
				stop = closeStore
			}
			return store, err
		}).New(env)
		if err != nil {
			stop()
			return nil, err
		}
		closeApp := running.Close
		running.Close = func() {
			closeApp()
			stop()
		}
		return running, nil
	}
	return app
}

// need is an error if addr is empty: the server is not there.
func need(addr, program string) error {
	if addr == "" {
		return errors.New("no " + program)
	}
	return nil
}
