package inbox

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// nested is a multipart inside a multipart, with an attachment to pass over.
const nested = "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?= =?iso-8859-1?b?4Q==?=\r\n" +
	"Content-Type: multipart/mixed; boundary=o\r\n\r\n" +
	"--o\r\nContent-Type: multipart/alternative; boundary=i\r\n\r\n" +
	"--i\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n" +
	"caf=E9 (https://id.example/a=\r\nb_), https://id.example/ab_!\r\n" +
	"--i\r\nContent-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n" +
	"PGEgaHJlZj0iSFRUUFM6Ly9pZC5leGFtcGxlLz9hPTEm\r\nYW1wO2I9MiI+eDwvYT48YSBocmVmPSJqYXZhc2NyaXB0Ong\r\niPg==\r\n" +
	"--i--\r\n" +
	"--o\r\nContent-Type: text/plain\r\nContent-Disposition: attachment; filename=x.txt\r\n\r\nattached\r\n--o--\r\n"

func TestParse(t *testing.T) {
	t.Parallel()
	e := parse([]byte(nested))
	if e.Subject != "Grüßeá" {
		t.Errorf("subject %q", e.Subject)
	}
	if want := "café (https://id.example/ab_), https://id.example/ab_!"; strings.TrimSpace(e.Text) != want {
		t.Errorf("text %q", e.Text)
	}
	if want := `<a href="HTTPS://id.example/?a=1&amp;b=2">x</a>`; !strings.HasPrefix(e.HTML, want) {
		t.Errorf("html %q", e.HTML)
	}
	if want := []string{"https://id.example/ab_", "HTTPS://id.example/?a=1&b=2"}; !slices.Equal(e.Links, want) {
		t.Errorf("links %q", e.Links)
	}
}

func TestParseOddMail(t *testing.T) {
	t.Parallel()
	tests := map[string]struct{ raw, subject, text string }{
		"bad base64":      {"Content-Transfer-Encoding: base64\r\n\r\naGFsbG8h!!!!", "", "hallo!"},
		"empty":           {"", "", ""},
		"no boundary":     {"Content-Type: multipart/mixed\r\n\r\nplain", "", ""},
		"no header":       {"just text", "", "just text"},
		"no type":         {"Subject: s\r\n\r\nplain\r\nmore", "s", "plain\nmore"},
		"truncated":       {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\npart", "", "part"},
		"unknown charset": {"Subject: =?x-none?q?a?=\r\nContent-Type: text/plain; charset=x-none\r\n\r\nraw\xff", "=?x-none?q?a?=", "raw\uFFFD"},
	}
	for name, test := range tests {
		if e := parse([]byte(test.raw)); e.Subject != test.subject || e.Text != test.text || e.Links == nil {
			t.Errorf("%s: %+v", name, e)
		}
	}
}

// TestParseIsBounded feeds a mail that nests and repeats without end.
func TestParseIsBounded(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("Content-Type: multipart/mixed; boundary=b\r\n\r\n")
	for range 5_000 {
		b.WriteString("--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: image/png\r\n\r\nx\r\n")
	}
	parse([]byte(b.String()))
	if e := parse([]byte("\r\n" + strings.Repeat("https://id.example/a ", 5_000))); len(e.Links) != 1 {
		t.Errorf("%d links", len(e.Links))
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(nested))
	f.Add([]byte("Subject: =?utf-8?b?" + strings.Repeat("4", 99) + "?=\r\n\r\nx"))
	f.Add([]byte("Content-Type: text/html; charset=utf-16\r\n\r\n<a href='http://x"))
	f.Add([]byte("Content-Type: multipart/x; boundary=\"\"\r\n\r\n----\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		e := parse(raw)
		if !utf8.ValidString(e.Subject) || !utf8.ValidString(e.Text) || !utf8.ValidString(e.HTML) {
			t.Error("not UTF-8")
		}
		// A byte becomes at most one character of three bytes.
		if bound := 3 * maxPartBytes; len(e.Text) > bound || len(e.HTML) > bound || len(e.Links) > maxLinks {
			t.Error("unbounded")
		}
		for _, link := range e.Links {
			if lower := strings.ToLower(link); !strings.HasPrefix(lower, "http://") && !strings.HasPrefix(lower, "https://") {
				t.Errorf("link %q", link)
			}
			if strings.ContainsAny(link, "\"<>\r\n\x00 ") {
				t.Errorf("link %q", link)
			}
		}
	})
}
