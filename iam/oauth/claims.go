package oauth

import (
	"strconv"
	"unicode/utf8"
)

// claims writes a JSON object by hand: a token is made for every request at the token endpoint, and the general encoder
// costs as much as a third of a signature.
type claims []byte

func newClaims() claims { return append(make(claims, 0, 1024), '{') }

func (c claims) name(name string) claims {
	if len(c) > 1 {
		c = append(c, ',')
	}
	c = append(c, '"')
	c = append(c, name...) // names are constants of this package
	return append(c, '"', ':')
}

// text adds a string claim; an empty one is left out.
func (c claims) text(name, value string) claims {
	if value == "" {
		return c
	}
	return appendText(c.name(name), value)
}

func (c claims) number(name string, value int64) claims {
	return strconv.AppendInt(c.name(name), value, 10)
}

func (c claims) flag(name string, value bool) claims {
	return strconv.AppendBool(c.name(name), value)
}

// raw adds a value that is JSON already.
func (c claims) raw(name string, value []byte) claims {
	return append(c.name(name), value...)
}

// list adds an array of strings, empty or not.
func (c claims) list(name string, values []string) claims {
	c = append(c.name(name), '[')
	for i, v := range values {
		if i > 0 {
			c = append(c, ',')
		}
		c = appendText(c, v)
	}
	return append(c, ']')
}

// confirmation adds cnf (RFC 7800) with the thumbprints of a key (RFC 9449, section 6.1) and a certificate (RFC 8705, section 3.1).
func (c claims) confirmation(b binding) claims {
	return c.raw("cnf", newClaims().text("jkt", b.jkt).text("x5t#S256", b.x5t).end())
}

// words adds a space-separated string, as scope is written (RFC 8693, section 4.2).
func (c claims) words(name string, values []string) claims {
	c = append(c.name(name), '"')
	for i, v := range values {
		if i > 0 {
			c = append(c, ' ')
		}
		c = appendInner(c, v)
	}
	return append(c, '"')
}

func (c claims) end() []byte { return append(c, '}') }

func appendText(b []byte, s string) []byte {
	return append(appendInner(append(b, '"'), s), '"')
}

const hexDigits = "0123456789abcdef"

// appendInner escapes what RFC 8259, section 7, says must be, and writes U+FFFD for what is not UTF-8.
func appendInner(b []byte, s string) []byte {
	for i := 0; i < len(s); {
		ch := s[i]
		if ch < utf8.RuneSelf {
			switch {
			case ch == '"' || ch == '\\':
				b = append(b, '\\', ch)
			case ch < 0x20:
				b = append(b, '\\', 'u', '0', '0', hexDigits[ch>>4], hexDigits[ch&0xf])
			default:
				b = append(b, ch)
			}
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		b = utf8.AppendRune(b, r) // RuneError is U+FFFD
		i += size
	}
	return b
}
