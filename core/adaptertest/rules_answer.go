package adaptertest

// Rules about the ways to answer. In all of them the session is stored before the response leaves.

// answerRules has every answer, with and without compression.
var answerRules = func() (list []rule) {
	for _, z := range compressions {
		for _, a := range answers {
			list = append(list, rule{
				name: withCompression("save with "+a.name, z),
				text: "Given a new client, when a handler writes to the session and answers in any way, then the session is stored first, and the whole answer arrives, with the cookie.",
				run:  func(e *env) { saveWith(e, a, z.options) },
			})
		}
	}
	return append(list, rule{
		name: "save with HEAD",
		text: "Given a new client, when it sends HEAD to a handler that writes to the session, then the header carries the cookie.",
		run: func(e *env) {
			b := e.page(Options{}, countVisits(e)).browser()
			b.send("HEAD", "/").is(200, "").setsCookie()
			b.wantCount(1)
		},
	})
}()

func saveWith(e *env, a answer, o Options) {
	b := e.page(o, func(c Ctx) error {
		e.ok(count.Update(e.session(c), func(n int) int { return n + 1 }), "Update")
		return a.send(e, c)
	}).browser()
	r := b.get("/")
	a.wantWhole(r)
	r.setsCookie()
	e.wantCalls("Create", 1)
	b.wantCount(1)
	if zipped := o.GzipInside || o.GzipOutside; a.body == longBody && r.Uncompressed != zipped {
		r.errorf("compressed: %t, want %t: the application under test is not built as Options says", r.Uncompressed, zipped)
	}
	b.get("/") // and so it goes on
	b.wantCount(2)
}
