package apps

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// Distinguished names (X.501) as a certificate holds them and as RFC 4514 writes them. They are compared strictly: the same
// attributes with the same values, letter by letter, in the same order; only how a value is encoded or escaped makes no difference.

// attribute is one attribute of a name.
type attribute struct {
	Type  asn1.ObjectIdentifier
	Value asn1.RawValue
}

// relativeNameSET is one part of a name. asn1 reads a type of such a name as a SET.
type relativeNameSET []attribute

// part is an attribute that was read: of its value either the text or, for one that is written as #hex, the encoding.
type part struct {
	oid  string
	text string
	der  []byte
}

// attributeNames are the keywords of RFC 4514, section 3, and those that tools write besides (RFC 4519; RFC 2985).
var attributeNames = map[string]string{
	"cn": "2.5.4.3", "sn": "2.5.4.4", "serialnumber": "2.5.4.5", "c": "2.5.4.6", "l": "2.5.4.7", "st": "2.5.4.8", "street": "2.5.4.9", "o": "2.5.4.10", "ou": "2.5.4.11",
	"title": "2.5.4.12", "businesscategory": "2.5.4.15", "postalcode": "2.5.4.17", "name": "2.5.4.41", "givenname": "2.5.4.42", "gn": "2.5.4.42", "initials": "2.5.4.43",
	"dnqualifier": "2.5.4.46", "organizationidentifier": "2.5.4.97", "uid": "0.9.2342.19200300.100.1.1", "dc": "0.9.2342.19200300.100.1.25", "emailaddress": "1.2.840.113549.1.9.1",
}

// matchSubject reports whether a name as RFC 4514 writes it is that of a certificate.
func matchSubject(written string, rawSubject []byte) bool {
	wanted, ok := parseSubject(written)
	if !ok {
		return false
	}
	var sequence []relativeNameSET
	if rest, err := asn1.Unmarshal(rawSubject, &sequence); err != nil || len(rest) > 0 || len(sequence) != len(wanted) {
		return false
	}
	for i, parts := range wanted {
		if !sameParts(parts, sequence[len(sequence)-1-i]) { // section 2.1: the last comes first
			return false
		}
	}
	return true
}

// sameParts compares a part of a name, which is a set: each attribute has its match, and none is left over.
func sameParts(wanted []part, have relativeNameSET) bool {
	left := slices.Clone(have)
	for _, w := range wanted {
		i := slices.IndexFunc(left, w.is)
		if i < 0 {
			return false
		}
		left = slices.Delete(left, i, i+1)
	}
	return len(left) == 0
}

func (p part) is(a attribute) bool {
	if p.oid != a.Type.String() {
		return false
	}
	if p.der != nil {
		return bytes.Equal(p.der, a.Value.FullBytes)
	}
	text, ok := directoryString(a.Value)
	return ok && text == p.text
}

// directoryString reads the kinds of string that certificates have today.
func directoryString(v asn1.RawValue) (string, bool) {
	if v.Class != asn1.ClassUniversal || v.IsCompound {
		return "", false
	}
	switch v.Tag {
	case asn1.TagUTF8String:
		return string(v.Bytes), utf8.Valid(v.Bytes)
	case asn1.TagPrintableString, asn1.TagIA5String, asn1.TagNumericString:
		return string(v.Bytes), !slices.ContainsFunc(v.Bytes, func(b byte) bool { return b >= utf8.RuneSelf })
	case asn1.TagBMPString:
		if len(v.Bytes)%2 != 0 {
			return "", false
		}
		var units []uint16
		for i := 0; i < len(v.Bytes); i += 2 {
			units = append(units, uint16(v.Bytes[i])<<8|uint16(v.Bytes[i+1]))
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

func validSubject(written string) bool {
	_, ok := parseSubject(written)
	return ok
}

// parseSubject reads a name as RFC 4514, section 3, has it, in its order. Spaces around the signs, which older RFCs allowed, are
// refused: they would be taken for part of a value by one reader and not by another.
func parseSubject(s string) (names [][]part, ok bool) {
	for more := true; more; {
		var parts []part
		for again := true; again; {
			var p part
			var end byte
			if p, s, end, ok = parsePart(s); !ok {
				return nil, false
			}
			parts = append(parts, p)
			again, more = end == '+', end == ','
		}
		names = append(names, parts)
	}
	return names, true
}

// parsePart reads one attribute up to the sign that ends it, 0 for the end of the text.
func parsePart(s string) (p part, rest string, end byte, ok bool) {
	name, rest, found := strings.Cut(s, "=")
	if p.oid, ok = attributeType(name); !found || !ok {
		return p, "", 0, false
	}
	value, rest, end := cutValue(rest)
	if strings.HasPrefix(value, "#") {
		der, err := hex.DecodeString(value[1:])
		p.der = der
		return p, rest, end, err == nil && len(der) > 0
	}
	p.text, ok = unescapeValue(value)
	return p, rest, end, ok
}

// attributeType returns the object identifier of a keyword, or a dotted one as it is.
func attributeType(name string) (oid string, ok bool) {
	if oid, ok = attributeNames[lowerASCII(name)]; ok {
		return oid, true
	}
	numbers := strings.Split(name, ".")
	for _, number := range numbers {
		n, err := strconv.ParseUint(number, 10, 31)
		if err != nil || strconv.FormatUint(n, 10) != number {
			return "", false
		}
	}
	return name, len(numbers) > 1
}

// cutValue finds the end of a value: the first comma or plus that is not escaped.
func cutValue(s string) (value, rest string, end byte) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++ // whatever it is: unescapeValue judges
		case ',', '+':
			return s[:i], s[i+1:], s[i]
		}
	}
	return s, "", 0
}

// unescapeValue reads a string value (section 3): what has to be escaped is, and what is escaped may be.
func unescapeValue(s string) (string, bool) {
	var out []byte
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\' && i+1 < len(s) && strings.IndexByte(` "#+,;<=>\`, s[i+1]) >= 0:
			i++
			out = append(out, s[i])
		case c == '\\':
			if i+2 >= len(s) {
				return "", false
			}
			b, err := hex.DecodeString(s[i+1 : i+3])
			if err != nil {
				return "", false
			}
			out = append(out, b...)
			i += 2
		case strings.IndexByte(`";<>`+"\x00", c) >= 0, c == ' ' && (i == 0 || i == len(s)-1):
			return "", false
		default:
			out = append(out, c)
		}
	}
	return string(out), len(out) > 0 && utf8.Valid(out)
}
