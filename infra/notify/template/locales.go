package template

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/feature/plural"
	"golang.org/x/text/language"
)

// fallback is the language of whoever speaks none of Locales.
const fallback = "en"

var locales = []string{"ar", "de", "en", "es", "fr", "it", "ja", "pt", "zh"}

// matcher has the fallback first, as language.NewMatcher asks.
var matcher = language.NewMatcher([]language.Tag{
	language.English, language.Arabic, language.German, language.Spanish, language.French,
	language.Italian, language.Japanese, language.Portuguese, language.Chinese,
})

var matched = []string{fallback, "ar", "de", "es", "fr", "it", "ja", "pt", "zh"}

// maxLocale bounds what is parsed; a browser's list is far shorter.
const maxLocale = 256

// Locales are the languages spoken, in alphabetical order.
func Locales() []string { return slices.Clone(locales) }

// Match returns the one of Locales that serves a BCP 47 tag or an
// Accept-Language list best, English where none does.
func Match(locale string) string {
	if locale == "" || len(locale) > maxLocale {
		return fallback
	}
	tags, _, err := language.ParseAcceptLanguage(strings.ReplaceAll(locale, "_", "-"))
	if err != nil || len(tags) == 0 {
		return fallback
	}
	_, index, confidence := matcher.Match(tags...)
	if confidence == language.No {
		return fallback
	}
	return matched[index]
}

func direction(locale string) string {
	if locale == "ar" {
		return "rtl"
	}
	return "ltr"
}

// forms of a unit by plural category; # stands for the number.
type forms map[plural.Form]string

func same(form string) forms { return forms{plural.Other: form} }

func two(one, other string) forms { return forms{plural.One: one, plural.Other: other} }

// units are days, hours and minutes, in the case that the sentences around
// expires_in ask for.
var units = map[string][3]forms{
	"ar": {
		{plural.One: "يوم واحد", plural.Two: "يومين", plural.Few: "# أيام", plural.Many: "# يومًا", plural.Other: "# يوم"},
		{plural.One: "ساعة واحدة", plural.Two: "ساعتين", plural.Few: "# ساعات", plural.Many: "# ساعة", plural.Other: "# ساعة"},
		{plural.One: "دقيقة واحدة", plural.Two: "دقيقتين", plural.Few: "# دقائق", plural.Many: "# دقيقة", plural.Other: "# دقيقة"},
	},
	"de": {two("# Tag", "# Tage"), two("# Stunde", "# Stunden"), two("# Minute", "# Minuten")},
	"en": {two("# day", "# days"), two("# hour", "# hours"), two("# minute", "# minutes")},
	"es": {two("# día", "# días"), two("# hora", "# horas"), two("# minuto", "# minutos")},
	"fr": {two("# jour", "# jours"), two("# heure", "# heures"), two("# minute", "# minutes")},
	"it": {two("# giorno", "# giorni"), two("# ora", "# ore"), two("# minuto", "# minuti")},
	"ja": {same("#日間"), same("#時間"), same("#分間")},
	"pt": {two("# dia", "# dias"), two("# hora", "# horas"), two("# minuto", "# minutos")},
	"zh": {same("# 天"), same("# 小时"), same("# 分钟")},
}

// inWords puts a Go duration in words, in the largest unit that loses little,
// rounding down; anything else is shown as it is.
func inWords(locale, value string) string {
	d, err := time.ParseDuration(value)
	if err != nil || d < 0 {
		return value
	}
	const day = 24 * time.Hour
	unit, n := 2, int(max(d/time.Minute, 1))
	switch {
	case d >= 2*day || d == day:
		unit, n = 0, int(d/day)
	case d >= 2*time.Hour || d == time.Hour:
		unit, n = 1, int(d/time.Hour)
	}
	words := units[locale][unit]
	form, ok := words[plural.Cardinal.MatchPlural(language.Make(locale), n, 0, 0, 0, 0)]
	if !ok {
		form = words[plural.Other]
	}
	return strings.ReplaceAll(form, "#", strconv.Itoa(n))
}
