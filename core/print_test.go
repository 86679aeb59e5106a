package core_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	htmltemplate "html/template"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"text/template"

	"github.com/coatcheck-go/coatcheck/core"
	"github.com/coatcheck-go/coatcheck/core/keyring"
	"github.com/coatcheck-go/coatcheck/internal/test/made"
	"github.com/coatcheck-go/coatcheck/stores/cookiestore"
	"github.com/coatcheck-go/coatcheck/stores/filestore"
	"github.com/coatcheck-go/coatcheck/stores/memstore"
)

// printers are the ways in which things end up in pages and logs.
var printers = map[string]func(w io.Writer, v any) error{
	"fmt": func(w io.Writer, v any) error {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%t"} {
			fmt.Fprintf(w, verb+"\n", v)
		}
		return nil
	},
	"text/template": text.Execute,
	"html/template": html.Execute,
	"slog text":     func(w io.Writer, v any) error { slog.New(slog.NewTextHandler(w, nil)).Info("m", "v", v); return nil },
	"slog JSON":     func(w io.Writer, v any) error { slog.New(slog.NewJSONHandler(w, nil)).Info("m", "v", v); return nil },
	"encoding/json": func(w io.Writer, v any) error { return json.NewEncoder(w).Encode(v) },
}

var (
	text = template.Must(template.New("").Parse(
		`{{.}} {{print .}} {{println .}} {{printf "%v %+v %#v %d %x" . . . . .}} {{html .}} {{js .}} {{urlquery .}}`))
	html = htmltemplate.Must(htmltemplate.New("").Parse(`<p title="{{.}}" class={{.}} onclick="f({{.}}, '{{.}}')">{{.}}</p>
		<a href="/?s={{.}}">x</a> <a href="{{.}}">x</a> <!-- {{.}} --> <style>p { color: "{{.}}" }</style> <textarea>{{.}}</textarea>
		<script>var s = {{.}}, t = "{{.}}", u = [{{.}}];</script>{{print .}} {{printf "%v %+v %#v %d %x" . . . . .}}`))
)

// copied returns what p points to, by value, past go vet.
func copied(p any) any { return reflect.ValueOf(p).Elem().Interface() }

// inside keeps fmt from calling methods of v.
type inside struct{ v any }

// holders put v where fmt, encoding/json and templates come to it by themselves.
func holders(v any) map[string]any {
	t := reflect.TypeOf(v)
	s := reflect.New(reflect.StructOf([]reflect.StructField{{Name: "V", Type: t}})).Elem()
	s.Field(0).Set(reflect.ValueOf(v))
	list := reflect.MakeSlice(reflect.SliceOf(t), 1, 1)
	list.Index(0).Set(reflect.ValueOf(v))
	table := reflect.MakeMap(reflect.MapOf(reflect.TypeFor[string](), t))
	table.SetMapIndex(reflect.ValueOf("v"), reflect.ValueOf(v))
	return map[string]any{
		"itself": v, "a field": s.Interface(), "a field, by pointer": s.Addr().Interface(),
		"an unexported field": inside{v}, "an unexported field, by pointer": &inside{v},
		"a slice": list.Interface(), "a map": table.Interface(), "any": []any{map[string]any{"v": v}},
	}
}

// Whatever is printed, by value or by pointer, in whatever way and wherever it stands: no token, user, key, value or byte of a
// record is in it. A session shows its ID.
func TestPrintingShowsNothing(t *testing.T) {
	const secretKey core.Key[string] = "qq-key"
	const subject, value = "qq-subject", "qq-value"
	sealing := keyring.Generate("k1")
	keys := ring(t, sealing)
	cfg := core.Config{Keys: keys}
	m := newManager(t, cfg)
	b := newBrowser(t, m)
	b.visit(func(s *core.Session) { must(t, secretKey.Set(s, value)); must(t, s.Login(subject)) })
	_, token, _ := strings.Cut(b.cookie, "=")

	x, bytesX := m.Adapter().Begin(ctx, b.header()), m.Adapter().BeginBytes(ctx, inBytes(b.cookie))
	s, err := x.Session(ctx)
	must(t, err)
	_, err = bytesX.Session(ctx)
	must(t, err)
	must(t, secretKey.Set(s, value+"2"))
	fresh, err := m.Adapter().Begin(ctx, nil).Session(ctx)
	must(t, err)
	must(t, secretKey.Set(fresh, value))
	unknown, err := m.Adapter().Begin(ctx, http.Header{"Cookie": {"__Host-session=" + strings.Repeat("A", 43)}}).Session(ctx)
	must(t, err)
	must(t, secretKey.Set(unknown, value))
	dead, _ := core.FromContext(ctx)
	var view *core.Session
	for view, err = range m.Sessions(ctx, subject) {
		must(t, err)
	}
	id := s.ID().String()[:16]
	out := core.Out{Name: "Set-Cookie", Value: b.line}

	secrets := []string{token, subject, value, string(secretKey), string(sealing.Secret)}
	for _, secret := range secrets {
		list := strings.Trim(fmt.Sprint([]byte(secret)), "[]")
		secrets = append(secrets, fmt.Sprintf("%x", secret), fmt.Sprintf("%X", secret), list, strings.ReplaceAll(list, " ", ","),
			base64.StdEncoding.EncodeToString([]byte(secret)), strings.Trim(fmt.Sprintf("%#v", []byte(secret)), "[]byte{}"))
	}
	for what, c := range map[string]struct {
		v    any
		want string
	}{
		"session": {s, id}, "session, copied": {copied(s), id},
		"view": {view, id}, "view, copied": {copied(view), id},
		"new session": {fresh, "session"}, "new session, copied": {copied(fresh), "session"},
		"session of an unknown token": {unknown, "session"}, "session of an unknown token, copied": {copied(unknown), "session"},
		"dead session": {dead, "session"}, "dead session, copied": {copied(dead), "session"},
		"zero session": {new(core.Session), "session"}, "zero session, copied": {copied(new(core.Session)), "session"},
		"manager": {m, "coatcheck.Manager"}, "manager, copied": {copied(m), "coatcheck.Manager"},
		"zero manager": {new(core.Manager), "coatcheck.Manager"}, "zero manager, copied": {copied(new(core.Manager)), "coatcheck.Manager"},
		"exchange": {x, "coatcheck.Exchange"}, "exchange, copied": {copied(x), "coatcheck.Exchange"},
		"exchange of bytes": {bytesX, "coatcheck.Exchange"}, "exchange of bytes, copied": {copied(bytesX), "coatcheck.Exchange"},
		"zero exchange": {new(core.Exchange), "coatcheck.Exchange"},
		"context":       {x.Context(), ""}, "out": {out, ""}, "out, by pointer": {&out, ""},
		"keyring": {keys, "keyring"}, "keyring, copied": {*keys, "keyring"}, "zero keyring": {keyring.Keyring{}, "keyring"},
		"key": {sealing, "keyring"}, "key, by pointer": {&sealing, "keyring"},
		"config": {cfg, ""}, "config, by pointer": {&cfg, ""},
	} {
		for where, v := range holders(c.v) {
			for way, print := range printers {
				var got bytes.Buffer
				hidden := strings.HasPrefix(where, "an unexported") // fmt cannot ask it for its name
				if hidden && (strings.HasPrefix(what, "key") || strings.HasPrefix(what, "out") || what == "exchange of bytes, copied") {
					continue // documented for Key; the others are for adapters
				}
				if err := print(&got, v); err != nil && c.want != "" {
					t.Errorf("%s in %s by %s: %v", what, where, way, err)
				}
				if !hidden && !strings.Contains(got.String(), c.want) {
					t.Errorf("%s in %s by %s: no %q in %.300s", what, where, way, c.want, got.String())
				}
				for _, secret := range secrets {
					if strings.Contains(got.String(), secret) {
						t.Errorf("%s in %s by %s shows %q: %.300s", what, where, way, secret, got.String())
						break
					}
				}
			}
		}
	}
}

// A nil one is no panic, and no page of a stack in the log.
func TestPrintingNil(t *testing.T) {
	for _, v := range []any{(*core.Session)(nil), (*core.Manager)(nil), (*core.Exchange)(nil)} {
		for way, print := range printers {
			var got bytes.Buffer
			if err := print(&got, v); err != nil || strings.Contains(got.String(), "panic") {
				t.Errorf("%T by %s: %v, %.300s", v, way, err, got.String())
			}
		}
	}
}

// fmt looks into unexported fields without asking for methods, and follows a pointer there where the verb is a bad one.
func TestPrintedInUnexportedFields(t *testing.T) {
	m := newManager(t, core.Config{})
	b := newBrowser(t, m)
	x := m.Adapter().BeginBytes(ctx, inBytes("__Host-session="+strings.Repeat("Q", 43)))
	_, err := x.Session(ctx)
	must(t, err)
	b.visit(func(s *core.Session) {
		must(t, s.Login("qq-subject"))
		must(t, name.Set(s, "qq-value"))
		must(t, s.Save(ctx))
		must(t, s.RotateID())
		for _, v := range []any{
			struct{ s *core.Session }{s}, struct{ s any }{s}, struct{ x *core.Exchange }{x}, struct{ x any }{x},
			struct{ m *core.Manager }{m}, struct{ l []*core.Session }{[]*core.Session{s}}, &struct{ s *core.Session }{s},
		} {
			for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%t", "%U", "%c", "%p", "%e"} {
				text := fmt.Sprintf(verb, v)
				for _, secret := range []string{"qq-", "QQQQ", "81 81 81", "51515151", "0x51, 0x51", `\x51`, "[113 113", "71712d"} {
					if strings.Contains(text, secret) {
						t.Errorf("%s of %T: %.300s", verb, v, text)
					}
				}
				if _, token, _ := strings.Cut(b.cookie, "="); token != "" && strings.Contains(text, token) {
					t.Errorf("%s of %T shows the token", verb, v)
				}
			}
		}
	})
}

type valueKey struct{}

// No token, and no value, in anything that might be printed.
func TestNothingLeaks(t *testing.T) {
	var logs bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&logs, &slog.HandlerOptions{Level: slog.LevelDebug}))
	var events []string
	cfg := core.Config{Logger: logger, Observer: func(_ context.Context, e core.Event) { events = append(events, fmt.Sprintf("%+v", e)) }}
	server := newManager(t, cfg)
	cookies, err := cookiestore.New(ring(t, keyring.Generate("k1")), cookiestore.RevokeIn(made.Of(memstore.New(memstore.Config{}))), cookiestore.Config{})
	must(t, err)
	cfg.Store = cookies
	dir := filepath.Join(t.TempDir(), "sessions")
	files, err := filestore.New(dir, filestore.Config{})
	must(t, err)
	fileCfg := cfg
	fileCfg.Store = files
	for _, m := range []*core.Manager{server, newManager(t, cfg), newManager(t, fileCfg)} {
		b := newBrowser(t, m)
		b.visit(func(s *core.Session) { must(t, name.Set(s, "sEcReT")); must(t, s.Login("alice")) })
		_, token, _ := strings.Cut(b.cookie, "=")
		var dump strings.Builder
		for _, x := range []*core.Exchange{m.Adapter().Begin(ctx, b.header()), m.Adapter().BeginBytes(ctx, inBytes(b.cookie))} {
			s, err := x.Session(ctx)
			must(t, err)
			must(t, name.Set(s, "sEcReT2"))
			must(t, s.RotateID())
			type holder struct {
				S *core.Session
				X *core.Exchange
				C context.Context
				M *core.Manager
			}
			for _, v := range []any{s, x, x.Context(), m, holder{s, x, x.Context(), m}, &holder{s, x, x.Context(), m},
				[]any{s}, context.WithValue(x.Context(), valueKey{}, "v")} {
				for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
					fmt.Fprintf(&dump, verb+"\n", v)
				}
				if j, err := json.Marshal(v); err == nil {
					dump.Write(j)
				}
				logger.Info("dump", "v", v)
			}
			must(t, core.Key[float64]("f").Set(s, 1))
			_ = core.Key[chan int]("c").Set(s, nil)
			_, err = x.Commit(ctx, 200)
			fmt.Fprintln(&dump, err, s.Err())
		}
		_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
			data, _ := os.ReadFile(path)
			if strings.Contains(path, token) || bytes.Contains(data, []byte(token)) {
				t.Errorf("a token in %s", path)
			}
			return err
		})
		for _, text := range []string{dump.String(), logs.String(), strings.Join(events, "\n")} {
			if strings.Contains(text, token) || strings.Contains(strings.ToLower(text), "secret") || strings.Contains(text, fmt.Sprintf("%x", token)) {
				t.Errorf("a token or a value in: %.2000s", text)
			}
		}
	}
}
