package inbox

import (
	"bytes"
	"encoding/base64"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"regexp"
	"slices"
	"strings"

	"golang.org/x/net/html"
	"golang.org/x/text/encoding/htmlindex"

	"grove/infra/notify"
)

// Bounds of what is taken from one mail.
const (
	maxDepth     = 8
	maxLinks     = 100
	maxParts     = 100
	maxPartBytes = 1 << 20
)

// parse reads a mail (RFC 5322, RFC 2045). It never fails: what is no mail is
// kept as text.
func parse(raw []byte) Entry {
	e := Entry{Channel: notify.Email}
	message, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		e.Text = clean(raw[:min(len(raw), maxPartBytes)])
	} else {
		e.Header = message.Header
		e.Subject = decodeHeader(message.Header.Get("Subject"))
		w := walker{entry: &e}
		w.walk(textproto.MIMEHeader(message.Header), message.Body, 0)
	}
	e.Links = links(e.Text, e.HTML)
	return e
}

// walker collects the first text and the first HTML part of a tree of parts.
type walker struct {
	entry *Entry
	parts int
}

func (w *walker) walk(header textproto.MIMEHeader, body io.Reader, depth int) {
	if w.parts++; w.parts > maxParts || depth > maxDepth {
		return
	}
	mediaType, params, err := mime.ParseMediaType(header.Get("Content-Type"))
	if err != nil {
		// RFC 2045 section 5.2: what says nothing is plain text.
		mediaType, params = "text/plain", nil
	}
	if strings.HasPrefix(mediaType, "multipart/") && params["boundary"] != "" {
		reader := multipart.NewReader(body, params["boundary"])
		for w.parts <= maxParts {
			part, err := reader.NextRawPart()
			if err != nil {
				return
			}
			w.walk(part.Header, part, depth+1)
		}
		return
	}
	if disposition, _, err := mime.ParseMediaType(header.Get("Content-Disposition")); err == nil && disposition == "attachment" {
		return
	}
	switch {
	case mediaType == "text/plain" && w.entry.Text == "":
		w.entry.Text = decodeBody(header, params["charset"], body)
	case mediaType == "text/html" && w.entry.HTML == "":
		w.entry.HTML = decodeBody(header, params["charset"], body)
	}
}

// decodeBody undoes the transfer encoding and the charset. A broken encoding
// yields what could be read.
func decodeBody(header textproto.MIMEHeader, charset string, body io.Reader) string {
	switch strings.ToLower(strings.TrimSpace(header.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	if decoded, err := charsetReader(charset, body); err == nil {
		body = decoded
	}
	content, _ := io.ReadAll(io.LimitReader(body, maxPartBytes))
	return clean(content)
}

// charsetReader converts to UTF-8.
func charsetReader(charset string, input io.Reader) (io.Reader, error) {
	switch strings.ToLower(charset) {
	case "", "ascii", "us-ascii", "utf-8", "utf8":
		return input, nil
	}
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return encoding.NewDecoder().Reader(input), nil
}

// decodeHeader undoes encoded words (RFC 2047).
func decodeHeader(value string) string {
	decoder := mime.WordDecoder{CharsetReader: charsetReader}
	decoded, err := decoder.DecodeHeader(value)
	if err != nil {
		decoded = value
	}
	return clean([]byte(decoded))
}

// clean makes valid UTF-8 with LF line ends.
func clean(content []byte) string {
	text := strings.ToValidUTF8(string(content), "\uFFFD")
	return strings.ReplaceAll(text, "\r\n", "\n")
}

var linkPattern = regexp.MustCompile(`(?i)\bhttps?://[^\s<>"\x60{}|\\^\p{Z}\p{C}]+`)

// links returns the web addresses of both bodies, each once.
func links(text, markup string) []string {
	found := []string{}
	add := func(link string) {
		if len(found) < maxLinks && !slices.Contains(found, link) {
			found = append(found, link)
		}
	}
	for _, link := range linkPattern.FindAllString(text, 4*maxLinks) {
		add(strings.TrimRight(link, ".,;:!?')]"))
	}
	tokens := html.NewTokenizer(strings.NewReader(markup))
	for {
		switch tokens.Next() {
		case html.ErrorToken:
			return found
		case html.StartTagToken, html.SelfClosingTagToken:
			for _, attribute := range tokens.Token().Attr {
				link := strings.TrimSpace(attribute.Val)
				if attribute.Key == "href" && linkPattern.FindString(link) == link && link != "" {
					add(link)
				}
			}
		}
	}
}
