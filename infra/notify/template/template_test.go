package template_test

import (
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"golang.org/x/net/html"

	"grove/infra/notify"
	"grove/infra/notify/template"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full holds every variable of each type.
var full = map[template.Type]template.Vars{
	template.CIBARequest: {
		"app": "Atlas", "expires_in": "10m0s", "link": "https://id.example/t/acme/login/request?token=abc",
		"message": "Pay 120 EUR to <b>North</b>", "organization": "Acme & Sons",
	},
	template.Invitation: {
		"app": "Atlas", "expires_in": "168h0m0s", "inviter": "Ada Lovelace",
		"link": "https://id.example/t/acme/login/invite?ticket=abc&x=1_", "organization": "Acme & Sons",
	},
	template.PasswordChanged: {
		"account": "grace@acme.example", "at": "2026-03-01T10:20:30+02:00",
		"link": "https://id.example/t/acme/account", "organization": "Acme & Sons",
	},
	template.PasswordReset: {
		"account": "grace@acme.example", "expires_in": "30m0s",
		"link": "https://id.example/t/acme/login/reset?ticket=abc", "organization": "Acme & Sons",
	},
	template.SetPassword: {
		"account": "grace@acme.example", "expires_in": "24h0m0s", "first": "yes",
		"link": "https://id.example/t/acme/login/set-password?token=abc", "organization": "Acme & Sons",
	},
}

func with(vars template.Vars, key, value string) template.Vars {
	out := template.Vars{}
	for k, v := range vars {
		out[k] = v
	}
	if out[key] = value; value == "" {
		delete(out, key)
	}
	return out
}

func TestEnglishMatchesGolden(t *testing.T) {
	t.Parallel()
	for kind, vars := range full {
		out, err := template.Render(kind, "en", vars)
		if err != nil {
			t.Fatal(err)
		}
		golden(t, string(kind)+".txt", "Subject: "+out.Subject+"\n\n"+out.Text)
		golden(t, string(kind)+".html", out.HTML)
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; got:\n%s", name, got)
	}
}

func TestEveryLanguageSaysEverything(t *testing.T) {
	t.Parallel()
	for kind, vars := range full {
		seen := map[string]string{}
		for _, locale := range template.Locales() {
			out, err := template.Render(kind, locale, vars)
			if err != nil {
				t.Fatalf("%s %s: %v", kind, locale, err)
			}
			if out.Locale != locale {
				t.Errorf("%s: rendered in %s, want %s", kind, out.Locale, locale)
			}
			if other, ok := seen[out.Subject]; ok {
				t.Errorf("%s: %s and %s have the same subject", kind, locale, other)
			}
			seen[out.Subject] = locale
			for key, value := range vars {
				if key == "expires_in" || key == "at" || key == "first" { // put in words, or choose a sentence
					continue
				}
				if !strings.Contains(out.Text, value) {
					t.Errorf("%s %s: the text lacks %s", kind, locale, key)
				}
				if !strings.Contains(visible(t, out.HTML), value) {
					t.Errorf("%s %s: the HTML lacks %s", kind, locale, key)
				}
			}
			if strings.Contains(out.Subject+out.Text+out.HTML, "{{") || strings.Contains(out.Text, "&amp;") {
				t.Errorf("%s %s: unrendered or escaped text:\n%s", kind, locale, out.Text)
			}
			dir := map[bool]string{true: "rtl", false: "ltr"}[locale == "ar"]
			if out.Dir != dir || !strings.Contains(out.HTML, `<html lang="`+locale+`" dir="`+dir+`">`) {
				t.Errorf("%s %s: direction %s", kind, locale, out.Dir)
			}
			message := notify.Message{
				Channel: notify.Email, HTML: out.HTML, ID: "1", Locale: out.Locale,
				Subject: out.Subject, Text: out.Text, To: "grace@acme.example",
			}
			if err := message.Validate(); err != nil {
				t.Errorf("%s %s: %v", kind, locale, err)
			}
		}
	}
}

// TestOptionalVariables shows that sentences without their variable vanish.
func TestOptionalVariables(t *testing.T) {
	t.Parallel()
	for _, locale := range template.Locales() {
		vars := template.Vars{"expires_in": "1h", "link": "https://id.example/", "organization": "Acme"}
		out, err := template.Render(template.Invitation, locale, vars)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.Text, "\n\n\n") || out.Subject == "" {
			t.Errorf("%s: gaps in\n%s", locale, out.Text)
		}
		out, err = template.Render(template.PasswordChanged, locale, template.Vars{"organization": "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(out.HTML, "<a ") {
			t.Errorf("%s: a link without one given", locale)
		}
	}
}

func TestHostileNamesAreHarmless(t *testing.T) {
	t.Parallel()
	hostile := []string{
		`<script>alert(1)</script><img src=x onerror=alert(1)>`,
		`"><a href="https://evil.example">Click</a>`,
		`{{link}} {{{link}}} {{#app}}x{{/app}} {{=<% %>=}} {{>layout}}`,
		"Acme\r\nBcc: victim@evil.example\r\n\r\nYou won",
		"Acme\u2028line\u2029paragraph\u0085next\x00\x1b[31m\v",
		"Win at https://evil.example/prize or www.evil.example now",
		"\u202eelpmaxe.live\u202c\u2066hidden\u2069\u200b\ufeff",
		"bad\xff\xfeutf8",
		strings.Repeat("W", 10_000),
		strings.Repeat("名", 5_000),
		"javascript:alert(1)",
	}
	for _, value := range hostile {
		for _, key := range []string{"app", "expires_in", "inviter", "organization"} {
			for _, locale := range []string{"en", "ar", "ja"} {
				vars := with(full[template.Invitation], key, value)
				out, err := template.Render(template.Invitation, locale, vars)
				if err != nil {
					t.Fatalf("%q as %s: %v", value, key, err)
				}
				checkHarmless(t, out, vars["link"])
			}
		}
	}
}

func checkHarmless(t *testing.T, out template.Rendered, link string) {
	t.Helper()
	if len([]rune(out.Subject)) > 400 || len(out.Text) > 8_000 {
		t.Errorf("unbounded: subject %d, text %d", len(out.Subject), len(out.Text))
	}
	for _, r := range out.Subject {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			t.Errorf("control character in subject %q", out.Subject)
		}
	}
	for _, line := range strings.Split(out.Text, "\n") {
		if strings.HasPrefix(line, "Bcc:") || strings.HasPrefix(line, "You won") {
			t.Errorf("a value made a line: %q", line)
		}
	}
	if strings.ContainsAny(out.Text, "\u202e\u2066\r\x00\x1b") {
		t.Errorf("acting character in %q", out.Text)
	}
	rest := strings.ReplaceAll(out.Text, link, "")
	if strings.Contains(rest, "://evil") || strings.Contains(rest, "evil.example") {
		t.Errorf("a value made a link: %s", rest)
	}
	tokens := html.NewTokenizer(strings.NewReader(out.HTML))
	allowed := "a body br div h1 head html meta p style title"
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		if kind != html.StartTagToken && kind != html.SelfClosingTagToken {
			continue
		}
		token := tokens.Token()
		if !strings.Contains(" "+allowed+" ", " "+token.Data+" ") {
			t.Errorf("a value made a <%s>", token.Data)
		}
		for _, attribute := range token.Attr {
			if attribute.Key == "href" && attribute.Val != link {
				t.Errorf("a value made a link to %s", attribute.Val)
			}
		}
	}
}

// visible is the text content of a document.
func visible(t *testing.T, document string) string {
	t.Helper()
	var b strings.Builder
	tokens := html.NewTokenizer(strings.NewReader(document))
	for kind := tokens.Next(); kind != html.ErrorToken; kind = tokens.Next() {
		if kind == html.TextToken {
			b.Write(tokens.Text())
		}
	}
	return html.UnescapeString(b.String())
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	good := full[template.Invitation]
	tests := map[string]struct {
		kind template.Type
		vars template.Vars
		want error
	}{
		"control character in link": {template.Invitation, with(good, "link", "https://id.example/\r\nx"), template.ErrLink},
		"credentials in link":       {template.Invitation, with(good, "link", "https://id.example@evil.example/"), template.ErrLink},
		"javascript link":           {template.Invitation, with(good, "link", "javascript:alert(1)"), template.ErrLink},
		"long link":                 {template.Invitation, with(good, "link", "https://id.example/"+strings.Repeat("a", 3000)), template.ErrLink},
		"missing link":              {template.Invitation, with(good, "link", ""), template.ErrVariable},
		"missing organization":      {template.Invitation, with(good, "organization", " \r\n "), template.ErrVariable},
		"quoted link":               {template.Invitation, with(good, "link", `https://id.example/"onclick="x`), template.ErrLink},
		"relative link":             {template.Invitation, with(good, "link", "/login"), template.ErrLink},
		"unknown type":              {"farewell", good, template.ErrType},
		"unknown variable":          {template.Invitation, with(good, "colour", "red"), template.ErrVariable},
	}
	for title, test := range tests {
		if _, err := template.Render(test.kind, "en", test.vars); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", title, err, test.want)
		}
	}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	tests := map[string]string{
		"": "en", "AR-eg": "ar", "da": "en", "de-AT,en;q=0.5": "de", "en-GB": "en", "es-419": "es", "fr_CA": "fr",
		"it": "it", "ja-JP": "ja", "nl, pt-BR;q=0.9": "pt", "pt-PT": "pt", "x\r\ny": "en", "zh-Hans-CN": "zh",
		strings.Repeat("de,", 1000): "en",
	}
	for locale, want := range tests {
		if got := template.Match(locale); got != want {
			t.Errorf("Match(%q) = %s, want %s", locale, got, want)
		}
	}
}

func TestDurationsInWords(t *testing.T) {
	t.Parallel()
	tests := []struct{ locale, duration, want string }{
		{"ar", "48h", "يومين"}, {"ar", "72h", "3 أيام"}, {"ar", "264h", "11 يومًا"},
		{"de", "1h", "1 Stunde"}, {"de", "168h", "7 Tage"},
		{"en", "1m", "1 minute"}, {"en", "24h", "1 day"}, {"en", "25h", "25 hours"}, {"en", "90m", "90 minutes"},
		{"en", "167h59m59s", "6 days"}, {"en", "10s", "1 minute"}, {"en", "a while", "a while"},
		{"fr", "30m", "30 minutes"}, {"ja", "168h", "7日間"}, {"zh", "2h", "2 小时"},
	}
	for _, test := range tests {
		out, err := template.Render(template.Invitation, test.locale, with(full[template.Invitation], "expires_in", test.duration))
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(out.Text, test.want) {
			t.Errorf("%s %s: no %q in\n%s", test.locale, test.duration, test.want, out.Text)
		}
	}
}

func TestLinkSurvivesEscaping(t *testing.T) {
	t.Parallel()
	link := full[template.Invitation]["link"]
	out, err := template.Render(template.Invitation, "en", full[template.Invitation])
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.Text, "\n"+link+"\n") {
		t.Errorf("the link does not stand alone in\n%s", out.Text)
	}
}
