package ids_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgtype"
	"pgregory.net/rapid"

	"grove/infra/kernel/ids"
)

func TestRoundTripAndOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		draw := func(label string) (id ids.User) {
			raw := pgtype.UUID{Bytes: uuid.UUID(rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, label)), Valid: true}
			raw.Bytes[0] |= 1 // never the zero value, which means "none"
			if err := id.ScanUUID(raw); err != nil {
				t.Fatal(err)
			}
			return id
		}
		a, b := draw("a"), draw("b")
		back, err := parse(a.String())
		if err != nil || back != a {
			t.Fatalf("round trip of %s: %v, %v", a, back, err)
		}
		byUUID := strings.Compare(a.UUID().String(), b.UUID().String())
		if byUUID != strings.Compare(a.String(), b.String()) {
			t.Fatalf("order of %s and %s differs from their UUIDs'", a, b)
		}
	})
}

func parse(s string) (id ids.User, err error) {
	err = id.UnmarshalText([]byte(s))
	return id, err
}

func TestParseRefuses(t *testing.T) {
	good := ids.NewUser().String()
	for name, s := range map[string]string{
		"another kind":      ids.NewOrg().String(),
		"bare uuid":         uuid.NewString(),
		"colon verb":        good + ":suspend",
		"encoded verb":      good + "%3Asuspend",
		"second spelling":   good[:len(good)-1] + "z",
		"too long":          good + "0",
		"too short":         good[:len(good)-1],
		"upper case":        strings.ToUpper(good),
		"excluded letter":   good[:10] + "u" + good[11:],
		"prefix only":       "usr_",
		"null byte":         good[:20] + "\x00" + good[21:],
		"trailing new line": good + "\n",
	} {
		if _, err := parse(s); err == nil {
			t.Errorf("%s: %q was accepted", name, s)
		}
	}
}

func TestJSONFormIsTheOutsideForm(t *testing.T) {
	id := ids.NewOrg()
	out, err := json.Marshal(map[string]any{"id": id})
	if err != nil || string(out) != `{"id":"`+id.String()+`"}` {
		t.Fatalf("%s %v", out, err)
	}
	var in struct{ ID ids.Org }
	if err := json.Unmarshal([]byte(`{"id":"usr_x"}`), &in); err == nil {
		t.Fatal("a foreign prefix was accepted")
	}
}

func TestPairIsOrderedAndStable(t *testing.T) {
	a, b := uuid.New(), uuid.New()
	if ids.Pair(a, b) != ids.Pair(a, b) || ids.Pair(a, b) == ids.Pair(b, a) {
		t.Fatal("Pair must be stable and depend on the order")
	}
}
