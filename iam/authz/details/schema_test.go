package details

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"
)

// payment is like the example of RFC 9396, section 2.
const payment = `{
	"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Payment", "type": "object",
	"required": ["instructedAmount", "creditorName"],
	"properties": {
		"actions": {"type": "array", "items": {"enum": ["initiate", "status", "cancel"]}, "uniqueItems": true, "title": "What"},
		"locations": {"type": "array"},
		"instructedAmount": {"$ref": "#/$defs/amount", "title": "Amount"},
		"creditorName": {"type": "string", "maxLength": 70, "title": "To"},
		"creditorAccount": {"type": "object", "required": ["iban"], "properties": {"iban": {"type": "string", "pattern": "^[A-Z]{2}[0-9]{2}[A-Z0-9]{11,30}$"}}},
		"urgent": {"type": "boolean"},
		"on": {"type": "string", "format": "date"},
		"lines": {"type": "array", "items": {"type": "object", "properties": {"text": {"title": "Text"}, "price": {"type": "number", "exclusiveMinimum": 0}}}},
		"free": {"type": "object", "additionalProperties": true}
	},
	"$defs": {"amount": {"type": "object", "required": ["currency", "amount"], "properties": {"currency": {"type": "string", "title": "Currency"}, "amount": {"type": "string"}}}},
	"x-owner": "payments"
}`

func compiled(t testing.TB, schema string) *Schema {
	t.Helper()
	s, err := Compile("payment_initiation", []byte(schema))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func one(t testing.TB, members string) Detail {
	t.Helper()
	list, err := Parse(`[{"type":"payment_initiation"` + members + `}]`)
	if err != nil || len(list) != 1 {
		t.Fatal(err, members)
	}
	return list[0]
}

const good = `,"instructedAmount":{"currency":"EUR","amount":"123.50"},"creditorName":"Merchant"`

func TestSchemaJudges(t *testing.T) {
	s := compiled(t, payment)
	for _, members := range []string{good, good + `,"actions":["initiate"]`, good + `,"creditorAccount":{"iban":"DE02100100109307118603"}`,
		good + `,"on":"2026-11-27"`, good + `,"lines":[{"text":"x","price":0.5}]`, good + `,"free":{"what":{"ever":1}}`} {
		if err := s.Check(one(t, members)); err != nil {
			t.Errorf("%s: %v", members, err)
		}
	}
	for why, members := range map[string]string{
		"missing":                 `,"creditorName":"Merchant"`,
		"a wrong type":            good + `,"urgent":"yes"`,
		"a value not allowed":     good + `,"actions":["destroy"]`,
		"twice":                   good + `,"actions":["status","status"]`,
		"a form":                  good + `,"on":"tomorrow"`,
		"a pattern":               good + `,"creditorAccount":{"iban":"x"}`,
		"not known":               good + `,"debtor":"somebody"`,
		"not known, deep":         good + `,"creditorAccount":{"iban":"DE02100100109307118603","name":"x"}`,
		"not known, by reference": `,"instructedAmount":{"currency":"EUR","amount":"1","tip":"9"},"creditorName":"Merchant"`,
		"not known, in a list":    good + `,"lines":[{"text":"x","more":1}]`,
		"a number":                good + `,"lines":[{"price":0}]`,
	} {
		err := s.Check(one(t, members))
		if !errors.Is(err, ProblemSchema) || strings.Contains(err.Error(), "DE02") {
			t.Errorf("%s: %v", why, err)
		}
	}
	other, _ := Parse(`[{"type":"another"` + good + `}]`)
	if s.Check(other[0]) == nil {
		t.Error("another type's detail")
	}
}

func TestSchemaIsRefused(t *testing.T) {
	deep := strings.Repeat(`{"not":`, 40) + `{}` + strings.Repeat(`}`, 40)
	doubled := `{"$ref":"#/$defs/d0","$defs":{`
	for i := range 30 {
		doubled += fmt.Sprintf(`"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	doubled += `"d30":true}}`
	for why, c := range map[string]struct{ schema, at string }{
		"no object":          {`true`, ""},
		"no JSON":            {`{`, ""},
		"an older draft":     {`{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/$schema"},
		"too long":           {`{"title":"` + strings.Repeat("x", MaxSchemaBytes) + `"}`, ""},
		"too deep":           {deep, strings.Repeat("/not", 33)},
		"deep values":        {`{"const":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`, "/const"},
		"remote":             {`{"$ref":"https://evil.example/schema"}`, "/$ref"},
		"a file":             {`{"properties":{"a":{"$ref":"file:///etc/passwd"}}}`, "/properties/a/$ref"},
		"the draft itself":   {`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, "/$ref"},
		"itself":             {`{"$ref":"#"}`, "/$ref"},
		"by pointer":         {`{"properties":{"a":true,"b":{"$ref":"#/properties/a"}}}`, "/properties/b/$ref"},
		"nothing":            {`{"$ref":"#/$defs/a"}`, "/$ref"},
		"round":              {`{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"b":{"$ref":"#/$defs/a"}}}}}`, "/$defs/a/properties/b/$ref"},
		"round, unused":      {`{"$defs":{"a":{"items":{"$ref":"#/$defs/a"}}}}`, "/$defs/a/items/$ref"},
		"doubled":            {doubled, ""},
		"an id":              {`{"$id":"https://a.example"}`, "/$id"},
		"an anchor":          {`{"$anchor":"a"}`, "/$anchor"},
		"a dynamic anchor":   {`{"properties":{"a":{"$dynamicAnchor":"meta"}}}`, "/properties/a/$dynamicAnchor"},
		"definitions below":  {`{"properties":{"a":{"$defs":{}}}}`, "/properties/a/$defs"},
		"a slip of the pen":  {`{"requird":["a"]}`, "/requird"},
		"an unknown format":  {`{"properties":{"a":{"format":"iban"}}}`, "/properties/a/format"},
		"content":            {`{"properties":{"a":{"contentMediaType":"application/json"}}}`, "/properties/a/contentMediaType"},
		"no regexp":          {`{"properties":{"a":{"pattern":"("}}}`, "/properties/a/pattern"},
		"a look ahead":       {`{"properties":{"a":{"pattern":"(?=x)"}}}`, "/properties/a/pattern"},
		"a large regexp":     {`{"properties":{"a":{"pattern":"(x{1000}){3}"}}}`, "/properties/a/pattern"},
		"a long regexp":      {`{"properties":{"a":{"pattern":"` + strings.Repeat("x", 300) + `"}}}`, "/properties/a/pattern"},
		"a regexp for names": {`{"patternProperties":{"(":true}}`, "/patternProperties"},
		"a large number":     {`{"properties":{"a":{"maximum":1e100000000}}}`, "/properties/a/maximum"},
		"a number within":    {`{"enum":[[1e100000000]]}`, "/enum"},
		"a wrong value":      {`{"properties":{"a":{"type":"strnig"}}}`, "/properties/a/type"},
		"multiple of zero":   {`{"properties":{"a":{"multipleOf":0}}}`, "/properties/a/multipleOf"},
		"not a schema":       {`{"properties":{"a":"string"}}`, "/properties/a"},
		"not a list":         {`{"allOf":{"type":"object"}}`, "/allOf"},
	} {
		began := time.Now()
		_, err := Compile("a", []byte(c.schema))
		var p *SchemaProblem
		if !errors.As(err, &p) || c.at != "" && p.At != c.at {
			t.Errorf("%s: %v", why, err)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s took %v", why, took)
		}
	}
}

// TestSchemaKeepsItsMeaning: closing a schema changes nothing where the author has said what else there may be, or where several
// schemas together say what a value is.
func TestSchemaKeepsItsMeaning(t *testing.T) {
	for _, c := range []struct {
		schema, members string
		good            bool
	}{
		{`{"properties":{"a":{"additionalProperties":{"type":"number"}}}}`, `,"a":{"b":1}`, true},
		{`{"properties":{"a":{"additionalProperties":{"type":"number"}}}}`, `,"a":{"b":"1"}`, false},
		{`{"properties":{"a":{"allOf":[{"properties":{"b":true}},{"properties":{"c":true}}]}}}`, `,"a":{"b":1,"c":2}`, true},
		{`{"properties":{"a":{"allOf":[{"properties":{"b":true}},{"properties":{"c":true}}]}}}`, `,"a":{"d":1}`, false},
		{`{"properties":{"k":{"enum":["x","y"]}},"if":{"properties":{"k":{"const":"x"}}},"then":{"properties":{"b":true},"required":["b"]}}`, `,"k":"x","b":1`, true},
		{`{"properties":{"k":{"enum":["x","y"]}},"if":{"properties":{"k":{"const":"x"}}},"then":{"properties":{"b":true},"required":["b"]}}`, `,"k":"y","b":1`, false},
		{`{"properties":{"a":{"not":{"properties":{"b":{"const":1}},"required":["b"]},"properties":{"b":true}}}}`, `,"a":{"b":1}`, false},
		{`{"properties":{"a":{"not":{"properties":{"b":{"const":1}},"required":["b"]},"properties":{"b":true}}}}`, `,"a":{"b":2}`, true},
		{`{"patternProperties":{"^x_":{"type":"string"}}}`, `,"x_1":"a"`, true},
		{`{"patternProperties":{"^x_":{"type":"string"}}}`, `,"y_1":"a"`, false},
		{`{"additionalProperties":true}`, `,"anything":{"at":"all"}`, true},
		{`{"properties":{"a":true}}`, `,"a":{"at":"all"}`, true},
		{`{"properties":{"type":{"const":"payment_initiation"}},"required":["type"],"additionalProperties":false}`, ``, true},
	} {
		if err := compiled(t, c.schema).Check(one(t, c.members)); (err == nil) != c.good {
			t.Errorf("%s of %s: %v", c.members, c.schema, err)
		}
	}
}

// TestSchemaCostsLittle: the most that a schema may ask for, of the most that a request may bring.
func TestSchemaCostsLittle(t *testing.T) {
	wide := `{"properties":{"x":{"items":{"anyOf":[` + strings.Repeat(`{"type":"string"},`, 295) + `{"type":"number"}]}}}}`
	long := `{"properties":{"x":{"items":{"pattern":"` + strings.Repeat("(a|b|ab)*", 28) + `$"}}}}`
	values := strings.Repeat(`1,`, MaxValues-10) + "1"
	for name, c := range map[string][2]string{
		"many schemas of many values":       {wide, `,"x":[` + values + `]`},
		"a regular expression of long text": {long, `,"x":["` + strings.Repeat("ab", 1900) + `c"]`},
	} {
		s, d := compiled(t, c[0]), one(t, c[1])
		began := time.Now()
		err := s.Check(d)
		took := time.Since(began)
		t.Logf("%s: %v, %v", name, took, err == nil)
		if took > 5*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}

func TestTypeChecks(t *testing.T) {
	ctx := context.Background()
	of := Type{Kind: "payment_initiation", Name: "Payment", Description: "Money leaves your account.", API: "https://pay.example", Schema: compiled(t, payment)}
	for members, want := range map[string]error{
		good + `,"locations":["https://pay.example"]`:                         nil,
		good + `,"locations":[]`:                                              nil,
		good + `,"locations":["https://pay.example/"]`:                        ProblemLocation,
		good + `,"locations":["https://pay.example","https://other.example"]`: ProblemLocation,
		good + `,"locations":[1]`:                                             ProblemLocation,
		`,"locations":["https://pay.example"]`:                                ProblemSchema,
	} {
		if err := of.Check(ctx, Request{}, one(t, members)); !errors.Is(err, want) {
			t.Errorf("%s: %v", members, err)
		}
	}
}

func TestSubset(t *testing.T) {
	of := Type{Kind: "payment_initiation"}
	const all = good + `,"actions":["initiate","status"],"tags":["a","b"]`
	for members, want := range map[string]bool{
		all: true,
		good + `,"actions":["status","initiate"],"tags":["a","b"]`: true,
		good + `,"actions":["status"],"tags":["a","b"]`:            true,
		good + `,"actions":[],"tags":["a","b"]`:                    false,
		good + `,"actions":["cancel"],"tags":["a","b"]`:            false,
		good + `,"actions":["status",1],"tags":["a","b"]`:          false,
		good + `,"actions":["status"],"tags":["a"]`:                false, // what a list means that RFC 9396 does not know, the type has to say
		good + `,"tags":["a","b"]`:                                 false, // without actions it may be all of them
		all + `,"more":1`:                                          false,
		strings.Replace(all, "123.50", "1.00", 1):                  false,
		strings.Replace(all, "123.50", "123.51", 1):                false,
		strings.Replace(all, `"currency":"EUR",`, "", 1):           false,
	} {
		if got := of.Subset(one(t, members), one(t, all)); got != want {
			t.Errorf("%s: %v", members, got)
		}
	}
	other, _ := Parse(`[{"type":"another"}]`)
	same, _ := Parse(`[{"type":"payment_initiation"}]`)
	if of.Subset(other[0], same[0]) || of.Subset(same[0], other[0]) {
		t.Error("another type")
	}
}

// limited is a plug-in that knows more than a schema.
type limited struct{ Default }

func (limited) Validate(_ context.Context, of Request, _ Type, d Detail) error {
	if d.Member("creditorName") == of.ClientID {
		return Problem("nobody pays himself")
	}
	return nil
}

func (limited) Enrich(_ context.Context, _ Request, _ Type, d Detail) (Detail, error) {
	members := d.Members()
	switch members["creditorName"] {
	case "Open":
		members["secret"] = 1 // the schema has no such member
	case "Other":
		members["type"] = "another"
	default:
		members["urgent"] = false
	}
	return New(members)
}

func (limited) Subset(asked, granted Detail) bool { return asked.Member("urgent") == nil }

func TestProcessor(t *testing.T) {
	ctx := context.Background()
	of := Type{Kind: "payment_initiation", Schema: compiled(t, payment), Processor: limited{}}
	d := one(t, good)
	if err := of.Check(ctx, Request{ClientID: "Merchant"}, d); !errors.Is(err, Problem("nobody pays himself")) {
		t.Error(err)
	}
	more, err := of.Enrich(ctx, Request{}, d)
	if err != nil || more.Member("urgent") != false || d.Member("urgent") != nil {
		t.Errorf("%v, %v", more, err)
	}
	if !of.Subset(d, more) || of.Subset(more, d) {
		t.Error("the plug-in's comparison is not used")
	}
	for _, name := range []string{"Open", "Other"} {
		if _, err := of.Enrich(ctx, Request{}, one(t, strings.Replace(good, "Merchant", name, 1))); err != ProblemEnriched {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDescribe(t *testing.T) {
	of := Type{Kind: "payment_initiation", Name: "Payment", Description: "Money leaves your account.", Schema: compiled(t, payment)}
	got, err := of.Describe(context.Background(), one(t, good+`,"urgent":true,"actions":["initiate","status"],"lines":[{"text":"a","price":1.50},{"text":" "}],"free":{"x":[],"y":{},"z":null}`), "en")
	if err != nil {
		t.Fatal(err)
	}
	text := func(values ...string) (out []Value) {
		for _, v := range values {
			out = append(out, Value{Text: v})
		}
		return out
	}
	want := Description{Title: "Payment", Text: "Money leaves your account.", Fields: []Field{
		{"Amount · Currency", text("EUR")}, {"Amount · amount", text("123.50")}, {"To", text("Merchant")}, {"What", text("initiate", "status")},
		{"free · x", text("–")}, {"free · y", text("–")}, {"free · z", text("–")},
		{"lines 1 · price", text("1.50")}, {"lines 1 · Text", text("a")}, {"lines 2 · Text", text(`" "`)},
		{"urgent", []Value{{"true", true}}},
	}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%+v", got)
	}
}

// FuzzCompile: whatever an administrator stores, it is refused with a reason, or it judges in little time.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{payment, `{}`, `true`, `{"$ref":"#/$defs/a","$defs":{"a":{"items":{"$ref":"#/$defs/b"}},"b":true}}`, `{"properties":{"a":{"pattern":"(a|b)*"}}}`,
		`{"oneOf":[{"required":["a"]},{"if":{"not":{}},"then":false}],"unevaluatedProperties":{"multipleOf":0.1}}`} {
		f.Add(s)
	}
	list, err := Parse(`[{"type":"payment_initiation","a":[1,"x",{"b":null}],"creditorName":"x","on":"2026-11-27"}]`)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		began := time.Now()
		s, err := Compile("payment_initiation", []byte(raw))
		if err != nil {
			var p *SchemaProblem
			if !errors.As(err, &p) {
				t.Fatalf("%q: %v", raw, err)
			}
			return
		}
		if err := s.Check(list[0]); err != nil && !errors.Is(err, ProblemSchema) {
			t.Fatalf("%q: %v", raw, err)
		}
		if _, err := (Type{Schema: s}).Describe(context.Background(), list[0], "en"); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > 10*time.Second {
			t.Fatalf("%q took %v", raw, took)
		}
	})
}
