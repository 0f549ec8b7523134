package inbox

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"net/http"
	"strconv"
	"time"
)

// Where the handler lives. Everything below PagePath is its own too.
const (
	JSONPath = "/dev/inbox.json"
	PagePath = "/dev/inbox"
)

const pageSize = 50

var (
	//go:embed page.html
	pageSource string
	//go:embed inbox.css
	pageStyle []byte
	//go:embed inbox.js
	pageScript []byte

	page = template.Must(template.New("page").Parse(pageSource))
)

// The policies. The HTML of a message is a document of its own, in a frame with
// an opaque origin, so that the page needs no exception for the style of mails.
const (
	pagePolicy = "default-src 'none'; img-src 'self'; style-src 'self'; script-src 'self'; connect-src 'self'; frame-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
	messagePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)

// Handler serves GET /dev/inbox (the page), GET /dev/inbox.json (all entries,
// newest first), DELETE /dev/inbox.json (forget all, 204), and what the page
// needs below /dev/inbox/. It has no authentication: mount it in development
// only.
func (i *Inbox) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+PagePath, i.servePage)
	mux.HandleFunc("GET "+PagePath+"/{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, PagePath, http.StatusSeeOther)
	})
	mux.HandleFunc("GET "+PagePath+"/inbox.css", asset("text/css; charset=utf-8", pageStyle))
	mux.HandleFunc("GET "+PagePath+"/inbox.js", asset("text/javascript; charset=utf-8", pageScript))
	mux.HandleFunc("GET "+PagePath+"/messages/{seq}", i.serveMessage)
	mux.HandleFunc("GET "+JSONPath, i.serveJSON)
	mux.HandleFunc("DELETE "+JSONPath, i.serveClear)
	// Another site's page must not clear the inbox through the visitor.
	return secured(http.NewCrossOriginProtection().Handler(mux))
}

func secured(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Cache-Control", "no-store")
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Content-Type-Options", "nosniff")
		next.ServeHTTP(w, r)
	})
}

func asset(contentType string, content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		_, _ = w.Write(content)
	}
}

// pageView is what the page shows.
type pageView struct {
	Entries      []record
	Newer, Older int // page numbers, 0 for none
	Total        int
}

// Machine is the time for a datetime attribute.
func (r record) Machine() string { return r.At.Format(time.RFC3339) }

// Human is the time to read.
func (r record) Human() string { return r.At.Format("2006-01-02 15:04:05 UTC") }

// Title is the subject, or what stands in for it.
func (r record) Title() string {
	switch {
	case r.Subject != "":
		return r.Subject
	case r.Channel == "sms":
		return "Text message"
	default:
		return "(no subject)"
	}
}

func (i *Inbox) servePage(w http.ResponseWriter, r *http.Request) {
	records, version := i.snapshot()
	number, err := strconv.Atoi(r.URL.Query().Get("page"))
	if err != nil || number < 1 || number > i.options.Limit {
		number = 1
	}
	start := min((number-1)*pageSize, len(records))
	end := min(start+pageSize, len(records))
	view := pageView{Entries: records[start:end], Newer: number - 1, Total: len(records)}
	if end < len(records) {
		view.Older = number + 1
	}
	if unchanged(w, r, version) {
		return
	}
	var out bytes.Buffer
	if err := page.Execute(&out, view); err != nil {
		i.logger.Error("inbox: the page failed", "error", err)
		http.Error(w, "The page failed", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(out.Bytes())
}

// serveMessage serves the HTML of one mail, for the frame.
func (i *Inbox) serveMessage(w http.ResponseWriter, r *http.Request) {
	seq, err := strconv.ParseInt(r.PathValue("seq"), 10, 64)
	records, _ := i.snapshot()
	for _, entry := range records {
		if err == nil && entry.Seq == seq {
			w.Header().Set("Content-Security-Policy", messagePolicy)
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			_, _ = w.Write([]byte(entry.HTML))
			return
		}
	}
	http.NotFound(w, r)
}

func (i *Inbox) serveJSON(w http.ResponseWriter, r *http.Request) {
	_, version := i.snapshot()
	if unchanged(w, r, version) {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(i.Entries()); err != nil {
		i.logger.Debug("inbox: the reader left", "error", err)
	}
}

func (i *Inbox) serveClear(w http.ResponseWriter, _ *http.Request) {
	if err := i.Clear(); err != nil {
		i.logger.Error("inbox: not cleared", "error", err)
		http.Error(w, "Not cleared", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

// unchanged sets the ETag and answers 304 where the reader has that version.
func unchanged(w http.ResponseWriter, r *http.Request, version int64) bool {
	tag := fmt.Sprintf("\"%x-%x\"", started, version)
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") != tag {
		return false
	}
	w.WriteHeader(http.StatusNotModified)
	return true
}

// started tells the versions of one process from those of the next.
var started = time.Now().UnixNano()
