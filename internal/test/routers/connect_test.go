package routers

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/storetest"
	"github.com/coatcheck-go/coatcheck/httpsession"
)

type (
	empty  = emptypb.Empty
	number = wrapperspb.Int32Value
	text   = wrapperspb.StringValue
)

// The procedures. Each is what generated code would register.
const (
	signIn = "/shop.v1.Shop/SignIn" // unary: Login
	visit  = "/shop.v1.Shop/Visit"  // unary: counts, and answers with the user and the number
	poll   = "/shop.v1.Shop/Poll"   // visit, by GET
	member = "/shop.v1.Shop/Member" // visit, behind RequireLogin
	refuse = "/shop.v1.Shop/Refuse" // unary: counts, and then fails as it is told: invalid, internal, or panic
	junk   = "/shop.v1.Shop/Junk"   // unary: Set refuses the value, and the handler answers that
	stream = "/shop.v1.Shop/Stream" // stream: counts, sends, counts, saves, sends
	hasty  = "/shop.v1.Shop/Hasty"  // stream: counts, sends, counts and returns
)

var byGet = connect.WithIdempotency(connect.IdempotencyNoSideEffects)

// add counts in the session of a context, as code does that knows nothing of HTTP.
func add(ctx context.Context) (*core.Session, int, error) {
	s, err := core.FromContext(ctx)
	if err == nil {
		err = visits.Update(s, func(n int) int { return n + 1 })
	}
	if err != nil {
		return nil, 0, connect.NewError(codeOf(err), errors.New("the session is not there"))
	}
	return s, visits.GetOr(s, 0), nil
}

func procedures() http.Handler {
	mux := http.NewServeMux()
	handle := func(path string, h *connect.Handler) { mux.Handle(path, h) }
	handle(signIn, connect.NewUnaryHandlerSimple(signIn, func(ctx context.Context, user *text) (*empty, error) {
		s, err := core.FromContext(ctx)
		if err != nil {
			return nil, err
		}
		_ = s.Login(user.GetValue())
		return &empty{}, nil
	}))
	counted := func(ctx context.Context, _ *empty) (*text, error) {
		s, n, err := add(ctx)
		if err != nil {
			return nil, err
		}
		return wrapperspb.String(s.Subject() + strings.Repeat("I", n)), nil
	}
	handle(visit, connect.NewUnaryHandlerSimple(visit, counted))
	handle(poll, connect.NewUnaryHandlerSimple(poll, counted, byGet))
	mux.Handle(member, httpsession.RequireLogin(connect.NewUnaryHandlerSimple(member, counted)))
	handle(refuse, connect.NewUnaryHandlerSimple(refuse, func(ctx context.Context, how *text) (*empty, error) {
		if _, _, err := add(ctx); err != nil {
			return nil, err
		}
		switch how.GetValue() {
		case "invalid":
			return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("of the handler"))
		case "panic":
			panic("a fault of the handler")
		}
		return nil, connect.NewError(connect.CodeInternal, errors.New("of the handler"))
	}, connect.WithRecover(func(context.Context, connect.Spec, http.Header, any) error {
		return connect.NewError(connect.CodeInternal, errors.New("of the recovery"))
	})))
	handle(junk, connect.NewUnaryHandlerSimple(junk, func(ctx context.Context, _ *empty) (*empty, error) {
		s, err := core.FromContext(ctx)
		if err == nil {
			err = core.Key[func()]("junk").Set(s, func() {})
		}
		if err == nil {
			return &empty{}, nil
		}
		return nil, connect.NewError(connect.CodeInvalidArgument, errors.New("of the handler"))
	}))
	handle(stream, connect.NewServerStreamHandlerSimple(stream, func(ctx context.Context, _ *empty, out *connect.ServerStream[number]) error {
		for range 2 {
			s, n, err := add(ctx)
			if err != nil {
				return err
			}
			if n%2 == 0 { // the first message has left
				if err := s.Save(ctx); err != nil {
					return connect.NewError(codeOf(err), errors.New("not saved"))
				}
			}
			if err := out.Send(wrapperspb.Int32(int32(n))); err != nil {
				return err
			}
		}
		return nil
	}))
	handle(hasty, connect.NewServerStreamHandlerSimple(hasty, func(ctx context.Context, _ *empty, out *connect.ServerStream[number]) error {
		_, n, err := add(ctx)
		if err == nil {
			err = out.Send(wrapperspb.Int32(int32(n)))
		}
		if err == nil {
			_, _, err = add(ctx)
		}
		return err
	}))
	return mux
}

// codeOf is the code for an error of a session.
func codeOf(err error) connect.Code {
	switch core.HTTPStatus(err) {
	case http.StatusServiceUnavailable:
		return connect.CodeUnavailable
	case http.StatusConflict:
		return connect.CodeAborted
	case http.StatusBadRequest:
		return connect.CodeInvalidArgument
	}
	return connect.CodeInternal
}

// wires are the protocols that a client may choose.
var wires = []struct {
	name  string
	http2 bool
	opts  []connect.ClientOption
	ok200 bool // a failed unary call also has status 200
}{
	{"Connect over HTTP 1.1", false, nil, false},
	{"Connect over HTTP 2", true, nil, false},
	{"gRPC over HTTP 2", true, []connect.ClientOption{connect.WithGRPC()}, true},
	{"gRPC-Web over HTTP 1.1", false, []connect.ClientOption{connect.WithGRPCWeb()}, true},
	{"gRPC-Web over HTTP 2", true, []connect.ClientOption{connect.WithGRPCWeb()}, true},
}

// caller is a client of one protocol with one session.
type caller struct {
	*site
	opts  []connect.ClientOption
	ok200 bool
}

// everyWire runs f for each protocol.
func everyWire(t *testing.T, f func(t *testing.T, c *caller), opts ...httpsession.Option) {
	for _, w := range wires {
		t.Run(w.name, func(t *testing.T) {
			s := start(t, func(m *core.Manager) http.Handler { return httpsession.New(m, opts...)(procedures()) }, w.http2)
			f(t, &caller{s, w.opts, w.ok200})
		})
	}
}

// call calls a unary procedure.
func call[Res, Req any](c *caller, path string, in *Req) (*Res, http.Header, error) {
	client := connect.NewClient[Req, Res](c.client, c.url+path, c.opts...)
	req := connect.NewRequest(in)
	if c.cookie != "" {
		req.Header().Set("Cookie", c.cookie)
	}
	res, err := client.CallUnary(c.t.Context(), req)
	if err != nil {
		var failed *connect.Error
		if errors.As(err, &failed) {
			return nil, failed.Meta(), err
		}
		return nil, nil, err
	}
	c.keep(res.Header())
	return res.Msg, res.Header(), nil
}

// receive calls a procedure that streams, and returns its messages and its error.
func (c *caller) receive(path string) (list []int32, err error) {
	client := connect.NewClient[empty, number](c.client, c.url+path, c.opts...)
	req := connect.NewRequest(&empty{})
	if c.cookie != "" {
		req.Header().Set("Cookie", c.cookie)
	}
	res, err := client.CallServerStream(c.t.Context(), req)
	if err != nil {
		return nil, err
	}
	for res.Receive() {
		list = append(list, res.Msg().GetValue())
	}
	c.keep(res.ResponseHeader())
	return list, errors.Join(res.Err(), res.Close())
}

// visited calls visit and checks its answer.
func (c *caller) visited(want string) {
	c.t.Helper()
	res, _, err := call[text](c, visit, &empty{})
	if err != nil || res.GetValue() != want {
		c.t.Errorf("visit: %q %v, want %q", res.GetValue(), err, want)
	}
}

// failed checks the code that the client sees, and that it sees nothing of the inside.
func (c *caller) failed(what string, err error, want connect.Code, says string) {
	c.t.Helper()
	if got := connect.CodeOf(err); err == nil || got != want || !strings.Contains(err.Error(), says) {
		c.t.Errorf("%s: %v, want the code %v and %q", what, err, want, says)
	}
	for _, inside := range []string{"coatcheck", "injected", "storetest", "memstore"} {
		if err != nil && strings.Contains(err.Error(), inside) {
			c.t.Errorf("%s: the client sees the inside: %v", what, err)
		}
	}
}

func TestConnect(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		c.visited("I")
		anonymous := c.cookie
		_, header, err := call[empty](c, signIn, wrapperspb.String("alice"))
		if err != nil || c.cookie == anonymous || header.Get("Cache-Control") != "no-store" {
			t.Errorf("signIn: %v, another cookie: %t, header %v", err, c.cookie != anonymous, header)
		}
		c.visited("aliceII")
		list, err := c.receive(stream)
		if err != nil || len(list) != 2 || list[0] != 3 || list[1] != 4 {
			t.Errorf("stream: %v %v", list, err)
		}
		c.visited("aliceIIIII")
	})
}

// A call whose session cannot be stored has failed for its client. Nobody is signed in.
func TestConnectRefusedSave(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		c.store.Before(storetest.On("Create"))
		_, header, err := call[empty](c, signIn, wrapperspb.String("alice"))
		c.failed("unary", err, connect.CodeUnavailable, "503")
		if header.Get("Set-Cookie") != "" {
			t.Errorf("header %v", header)
		}
		list, err := c.receive(stream)
		c.failed("stream", err, connect.CodeUnavailable, "503")
		if len(list) > 0 {
			t.Errorf("the client got %v", list)
		}
		c.store.Reset()
		c.visited("I")
		ended := c.cookie
		if _, _, err := call[empty](c, signIn, wrapperspb.String("alice")); err != nil {
			t.Fatal(err)
		}
		c.cookie = ended // its session has ended: 409
		_, _, err = call[text](c, visit, &empty{})
		c.failed("late", err, connect.CodeUnknown, "409")
	})
}

// With Connect's own error writer the client sees a code of its protocol instead of an HTTP status.
func TestConnectErrorWriter(t *testing.T) {
	writer := connect.NewErrorWriter()
	answer := httpsession.WithErrorHandler(func(w http.ResponseWriter, r *http.Request, err error) {
		if !writer.IsSupported(r) {
			http.Error(w, http.StatusText(core.HTTPStatus(err)), core.HTTPStatus(err))
			return
		}
		_ = writer.Write(w, r, connect.NewError(codeOf(err), errors.New("the session was not stored")))
	})
	everyWire(t, func(t *testing.T, c *caller) {
		c.store.Before(storetest.On("Create"))
		_, header, err := call[empty](c, signIn, wrapperspb.String("alice"))
		c.failed("unary", err, connect.CodeUnavailable, "the session was not stored")
		if header.Get("Set-Cookie") != "" {
			t.Errorf("header %v", header)
		}
		list, err := c.receive(stream)
		c.failed("stream", err, connect.CodeUnavailable, "the session was not stored")
		if len(list) > 0 {
			t.Errorf("the client got %v", list)
		}
		_, _, err = call[empty](c, junk, &empty{})
		if c.ok200 { // see TestConnectAnsweredError
			c.failed("junk", err, connect.CodeInternal, "the session was not stored")
		} else {
			c.failed("junk", err, connect.CodeInvalidArgument, "of the handler")
		}
	}, answer)
}

// After the first message the status has left. An error of Save reaches the client as the end of the stream.
func TestConnectSaveInAStream(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		c.visited("I")
		c.visited("II") // of the two messages to come, the first one's change is stored with the header
		c.store.Before(updates(func(n int) bool { return n == 2 }))
		list, err := c.receive(stream)
		c.failed("stream", err, connect.CodeUnavailable, "not saved")
		if len(list) != 1 {
			t.Errorf("the client got %v", list)
		}
		c.store.Reset()
		c.visited("IIIII") // the end of the request has tried once more

		c.visited("IIIIII")
		c.store.Before(updates(func(n int) bool { return n >= 2 }))
		list, err = c.receive(stream)
		if err == nil || len(list) != 1 { // as that failed, too, the stream breaks off
			t.Errorf("the client got %v %v", list, err)
		}
		c.store.Reset()
		c.visited("IIIIIIII")
	})
}

// updates fails the Updates whose number fails is true for.
func updates(fails func(n int) bool) func(storetest.Call) error {
	n := 0
	return func(c storetest.Call) error {
		if c.Method == "Update" {
			if n++; fails(n) {
				return storetest.Outage(c)
			}
		}
		return nil
	}
}

// Without Save, the last change is stored after Connect has sent the end of the stream. If that fails, the stream
// breaks off, which the client sees, but it does not see why.
func TestConnectNoSaveInAStream(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		c.visited("I")
		list, err := c.receive(hasty)
		if err != nil || len(list) != 1 {
			t.Errorf("hasty: %v %v", list, err)
		}
		c.visited("IIII")
		c.store.Before(updates(func(n int) bool { return n == 2 }))
		if list, err = c.receive(hasty); err == nil {
			t.Errorf("the client takes the stream for complete: %v", list)
		}
		c.store.Reset()
		c.visited("IIIIII")
	})
}

// An error of Connect's unary protocol has its HTTP status. gRPC and streams send status 200 with every error. So what
// the handler changed is stored, except with Connect's unary protocol and a status of 500 and more.
func TestConnectFailedCall(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		c.visited("I")
		_, _, err := call[empty](c, refuse, wrapperspb.String("invalid"))
		c.failed("invalid", err, connect.CodeInvalidArgument, "of the handler")
		c.visited("III")
		_, _, err = call[empty](c, refuse, wrapperspb.String("internal"))
		c.failed("internal", err, connect.CodeInternal, "of the handler")
		_, _, err = call[empty](c, refuse, wrapperspb.String("panic"))
		c.failed("panic", err, connect.CodeInternal, "of the recovery")
		if c.ok200 {
			c.visited("IIIIII")
		} else {
			c.visited("IIII")
		}
	})
}

// A handler that answers an error of its session with an error of its own. With status 200 that looks like an error
// that the handler ignores, so the client gets a 500. Nothing is stored.
func TestConnectAnsweredError(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		_, _, err := call[empty](c, junk, &empty{})
		if c.ok200 {
			c.failed("junk", err, connect.CodeUnknown, "500")
		} else {
			c.failed("junk", err, connect.CodeInvalidArgument, "of the handler")
		}
	})
}

// A client of Connect is no browser's script and gets a redirect, which is no answer for it, unless the application
// gives another one.
func TestConnectRequireLogin(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		_, _, err := call[text](c, member, &empty{})
		c.failed("redirected", err, connect.CodeUnknown, "303")
	})
	writer := connect.NewErrorWriter()
	everyWire(t, func(t *testing.T, c *caller) {
		_, header, err := call[text](c, member, &empty{})
		c.failed("answered", err, connect.CodeUnauthenticated, "sign in first")
		if header.Get("Set-Cookie") != "" {
			t.Errorf("header %v", header)
		}
		if _, _, err := call[empty](c, signIn, wrapperspb.String("alice")); err != nil {
			t.Fatal(err)
		}
		if res, _, err := call[text](c, member, &empty{}); err != nil || res.GetValue() != "aliceI" {
			t.Errorf("signed in: %q %v", res.GetValue(), err)
		}
	}, httpsession.WithLoginHandler(func(w http.ResponseWriter, r *http.Request, _ core.Challenge) {
		_ = writer.Write(w, r, connect.NewError(connect.CodeUnauthenticated, errors.New("sign in first")))
	}))
}

// A procedure without side effects may be called by GET, whose response caches may keep.
func TestConnectGet(t *testing.T) {
	everyWire(t, func(t *testing.T, c *caller) {
		if c.ok200 {
			return // only Connect has it
		}
		c.visited("I")
		c.opts = append(c.opts, connect.WithHTTPGet(), byGet)
		res, header, err := call[text](c, poll, &empty{})
		if err != nil || res.GetValue() != "II" {
			t.Errorf("%q %v", res.GetValue(), err)
		}
		if vary := strings.Join(header["Vary"], ","); !strings.Contains(vary, "Cookie") || !strings.Contains(vary, "Accept-Encoding") {
			t.Errorf("Vary %q", vary)
		}
	})
}
