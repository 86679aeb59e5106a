package adopt

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"time"
)

// decodeGob decodes what gorilla/sessions and redistore encode: a session's Values, or its ID.
func decodeGob(data []byte, into any) error {
	if err := gob.NewDecoder(bytes.NewReader(data)).Decode(into); err != nil {
		return unreadable(err)
	}
	return nil
}

// decodeJSON decodes what the JSONSerializer of redistore encodes.
func decodeJSON(data []byte) (map[any]any, error) {
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		return nil, unreadable(err)
	}
	values := make(map[any]any, len(m))
	for k, v := range m {
		values[k] = v
	}
	return values, nil
}

// decodeSCS decodes what the GobCodec of scs encodes.
func decodeSCS(data []byte) (deadline time.Time, values map[string]any, err error) {
	var aux struct {
		Deadline time.Time
		Values   map[string]any
	}
	if err := decodeGob(data, &aux); err != nil {
		return time.Time{}, nil, err
	}
	return aux.Deadline, aux.Values, nil
}

// unreadable is an error and not "no session": the old application has written these bytes, so a type is not registered,
// or the Format is another one. To take it for nobody's would sign out everybody.
func unreadable(err error) error {
	return fmt.Errorf("the values of a session cannot be decoded; each of their types must be registered with gob, under its old name: %w", err)
}

func tooLarge(n, most int) error {
	return fmt.Errorf("a session's record has %d bytes, and MaxSize is %d", n, most)
}
