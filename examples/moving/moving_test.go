package moving_test

import "testing"

// libraries are the folders. Each has an application before and after.
var libraries = []string{"gincontrib", "gorilla", "scs", "echocontrib", "echocontribv4", "fiberv2", "fiberv3"}

// onRedis are those with sessions in Redis.
var onRedis = map[string]bool{"gincontrib": true, "scs": true, "fiberv2": true, "fiberv3": true}

// clicks are what a user does, and what both applications answer.
var clicks = []struct {
	method, path string
	form         []string
	want         string
}{
	{"GET", "/", nil, `200 visit 1 of "", cart [], messages []`},
	{"GET", "/me", nil, `200 you are ""`},
	{"GET", "/", nil, `200 visit 2 of "", cart [], messages []`},
	{"POST", "/add", []string{"item", "coat"}, `303 to /`},
	{"GET", "/", nil, `200 visit 3 of "", cart [coat], messages []`},
	{"POST", "/sign-in", []string{"name", "alice"}, `303 to /`},
	{"GET", "/", nil, `200 visit 4 of "alice", cart [coat], messages [Welcome, alice]`},
	{"GET", "/", nil, `200 visit 5 of "alice", cart [coat], messages []`},
	{"POST", "/add", []string{"item", "<hat> & scarf"}, `303 to /`},
	{"GET", "/", nil, `200 visit 6 of "alice", cart [coat <hat> & scarf], messages []`},
	{"GET", "/me", nil, `200 you are "alice"`},
	{"POST", "/sign-out", nil, `303 to /`},
	{"GET", "/me", nil, `200 you are ""`},
	{"GET", "/", nil, `200 visit 1 of "", cart [], messages []`},
}

func TestBothAnswerAlike(t *testing.T) {
	for _, library := range libraries {
		for _, version := range []string{"/before", "/after"} {
			t.Run(library+version, func(t *testing.T) {
				alice := newBrowser(t, start(t, library+version, environment(t, library)...))
				bob := newBrowser(t, alice.url)
				for i, c := range clicks {
					if got := alice.do(c.method, c.path, c.form); got != c.want {
						t.Errorf("click %d, %s %s: %s, want %s", i+1, c.method, c.path, got, c.want)
					}
				}
				if got, want := bob.get("/"), clicks[0].want; got != want {
					t.Errorf("another browser: %s, want %s", got, want)
				}
			})
		}
	}
}
