package config

import (
	"fmt"
	"io"
	"log/slog"
	"net/netip"
	"net/url"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"
)

// Explain writes every setting with its value and where that came from, a line each. Secrets are
// masked; of a secret URL the scheme and host are shown.
func Explain(w io.Writer, c Config) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "SETTING\tVALUE\tSOURCE") // Flush returns what a write failed with
	fields := reflect.ValueOf(c)
	for _, s := range settings {
		source := c.sources[s.env]
		if source == "" {
			source = "program" // a Config that Load did not make
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\n", s.env, s.show(fields.Field(s.index)), source)
	}
	return table.Flush()
}

// show renders a value for people.
func (s setting) show(field reflect.Value) string {
	if field.IsZero() && s.preset == "" {
		return "-"
	}
	if secret := s.tag.Get("secret"); secret != "" {
		text, isText := field.Interface().(Secret)
		if u, err := url.Parse(string(text)); isText && secret == "url" && err == nil && u.Host != "" {
			return u.Scheme + "://" + u.Host + " " + mask
		}
		return mask
	}
	switch value := field.Interface().(type) {
	case []netip.Prefix:
		list := make([]string, len(value))
		for i, prefix := range value {
			list[i] = prefix.String()
		}
		return strings.Join(list, ", ")
	case slog.Level:
		return strings.ToLower(value.String())
	case time.Duration:
		return shortDuration(value)
	default:
		return fmt.Sprint(value)
	}
}

// shortDuration drops the zero parts that time.Duration prints: 72h, not 72h0m0s.
func shortDuration(d time.Duration) string {
	text := d.String()
	if strings.HasSuffix(text, "m0s") {
		text = strings.TrimSuffix(text, "0s")
	}
	if strings.HasSuffix(text, "h0m") {
		text = strings.TrimSuffix(text, "0m")
	}
	return text
}

// Reference is the table of all settings, in Markdown. docs/configuration.md contains it.
func Reference() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Accepted | Meaning |\n|---|---|---|---|\n")
	cell := strings.NewReplacer("|", `\|`, "<", "&lt;", ">", "&gt;")
	for _, s := range settings {
		preset := "none"
		if s.preset != "" {
			preset = "`" + s.preset + "`"
		}
		doc := s.tag.Get("doc")
		if s.tag.Get("secret") != "" {
			doc += " Secret."
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", s.env, preset, s.accepted(), cell.Replace(doc))
	}
	return b.String()
}

// accepted says in few words what values a setting takes.
func (s setting) accepted() string {
	if words := s.tag.Get("oneof"); words != "" {
		return "`" + strings.Join(strings.Fields(words), "`, `") + "`"
	}
	least, most := s.tag.Get("min"), s.tag.Get("max")
	switch reflect.TypeFor[Config]().Field(s.index).Type {
	case reflect.TypeFor[int]():
		return least + " to " + most
	case reflect.TypeFor[Key]():
		return "base64, 32 bytes"
	case reflect.TypeFor[[]netip.Prefix]():
		return "list"
	case reflect.TypeFor[time.Duration]():
		return "duration, " + least + " to " + most
	}
	if check, ok := map[string]string{
		"addr": "host:port", "endpoint": "URL", "header": "header name", "mailbox": "e-mail address", "origin": "URL",
		"postgres": "URL", "smtp": "URL", "token": "text, " + least + " to " + most + " characters",
	}[s.tag.Get("check")]; ok {
		return check
	}
	return "path"
}
