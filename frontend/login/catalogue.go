package login

import (
	"embed"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"golang.org/x/text/language"
)

//go:embed locales/*.json
var localeFiles embed.FS

// Locales are the languages of the pages. The first is the fallback.
var Locales = []string{"en", "ar", "de", "es", "fr", "it", "ja", "pt", "zh"}

var (
	catalogue = loadCatalogue()
	matcher   = newMatcher()
)

func loadCatalogue() map[string]map[string]string {
	all := make(map[string]map[string]string, len(Locales))
	for _, locale := range Locales {
		raw, err := localeFiles.ReadFile("locales/" + locale + ".json")
		if err != nil {
			panic(fmt.Sprintf("login: no messages for %s: %v", locale, err))
		}
		messages := map[string]string{}
		if err := json.Unmarshal(raw, &messages); err != nil {
			panic(fmt.Sprintf("login: messages for %s: %v", locale, err))
		}
		all[locale] = messages
	}
	return all
}

func newMatcher() language.Matcher {
	tags := make([]language.Tag, len(Locales))
	for i, locale := range Locales {
		tags[i] = language.MustParse(locale)
	}
	return language.NewMatcher(tags)
}

// Negotiate returns the one of [Locales] that fits a request best: ui_locales (OpenID Connect Core, section 3.1.2.1)
// before Accept-Language (RFC 9110, section 12.5.4), English when neither fits.
func Negotiate(uiLocales, acceptLanguage string) string {
	var wanted []language.Tag
	for i, value := range strings.Fields(uiLocales) {
		if i == maxUILocales {
			break
		}
		if tag, err := language.Parse(value); err == nil {
			wanted = append(wanted, tag)
		}
	}
	if accepted, _, err := language.ParseAcceptLanguage(acceptLanguage); err == nil {
		wanted = append(wanted, accepted...)
	}
	if len(wanted) == 0 {
		return Locales[0]
	}
	_, index, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		return Locales[0]
	}
	return Locales[index]
}

// maxUILocales bounds the work that one request can ask for.
const maxUILocales = 10

// LocaleOf negotiates the locale of r.
func LocaleOf(r *http.Request) string {
	return Negotiate(r.URL.Query().Get("ui_locales"), r.Header.Get("Accept-Language"))
}

// DirOf returns the writing direction of a locale, "ltr" or "rtl".
func DirOf(locale string) string {
	if locale == "ar" {
		return "rtl"
	}
	return "ltr"
}

// message returns the text of key in locale, falling back to English.
func message(locale, key string) (string, bool) {
	if text, ok := catalogue[locale][key]; ok {
		return text, true
	}
	text, ok := catalogue[Locales[0]][key]
	return text, ok
}
