package frontend

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"

	"grove/frontend/login"
	"grove/infra/httpapi"
)

// AssetsPath is where [Assets] must be mounted, on every host, below no tenant.
const AssetsPath = "/_app/"

// noncePlaceholder stands in the built index wherever a nonce belongs; vite.config.ts writes it.
const noncePlaceholder = "__GROVE_NONCE__"

//go:embed all:dist
var embedded embed.FS

var built = newSite(embedded)

// Account serves the account portal's page for every path below {base}/account.
func Account(w http.ResponseWriter, r *http.Request) { built.page(w, r, "account") }

// Assets serves everything below [AssetsPath]: scripts, style sheets and fonts of both apps, and the style sheet of the
// hosted pages.
func Assets(w http.ResponseWriter, r *http.Request) { built.asset(w, r) }

// Console serves the console's page for every path below {base}/console.
func Console(w http.ResponseWriter, r *http.Request) { built.page(w, r, "console") }

// site is one build of the pages.
type site struct {
	files fs.FS
}

func newSite(root fs.FS) site {
	files, err := fs.Sub(root, "dist")
	if err != nil {
		panic(err) // "dist" is a valid path
	}
	return site{files: files}
}

func (s site) page(w http.ResponseWriter, r *http.Request, app string) {
	if !readOnly(w, r) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	index, err := fs.ReadFile(s.files, app+"/index.html")
	if err != nil {
		h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src data:; frame-ancestors 'none'; base-uri 'none'")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write([]byte(strings.ReplaceAll(notBuilt, "{stylesheet}", login.StylesheetPath)))
		return
	}
	nonce := newNonce()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; "+
		"connect-src 'self'; font-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	_, _ = w.Write(bytes.ReplaceAll(index, []byte(noncePlaceholder), []byte(nonce)))
}

func (s site) asset(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	if r.URL.Path == login.StylesheetPath {
		login.Stylesheet(w, r)
		return
	}
	if r.URL.Path == login.ScriptPath {
		login.Script(w, r)
		return
	}
	name, below := strings.CutPrefix(r.URL.Path, AssetsPath)
	if !below || !fs.ValidPath(name) || strings.HasSuffix(name, ".html") || strings.HasSuffix(name, ".gz") {
		refuse(w, http.StatusNotFound)
		return
	}
	content, err := fs.ReadFile(s.files, name)
	if err != nil || path.Base(name) == ".gitkeep" {
		refuse(w, http.StatusNotFound)
		return
	}
	h := w.Header()
	httpapi.Cacheable(h, "public, max-age=300")
	if strings.HasPrefix(name, "assets/") && strings.Contains(path.Base(name), "-") { // such names carry a hash of the content
		httpapi.Cacheable(h, "public, max-age=31536000, immutable")
	}
	if kind := mime.TypeByExtension(path.Ext(name)); kind != "" {
		h.Set("Content-Type", kind)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	if zipped, err := fs.ReadFile(s.files, name+".gz"); err == nil && acceptsGzip(r) {
		h.Set("Content-Encoding", "gzip")
		content = zipped
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	_, _ = w.Write(content)
}

func readOnly(w http.ResponseWriter, r *http.Request) bool {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return true
	}
	w.Header().Set("Allow", "GET, HEAD")
	refuse(w, http.StatusMethodNotAllowed)
	return false
}

// refuse answers with a status, kept by no cache: what is missing while a version is rolled out is there a second later.
func refuse(w http.ResponseWriter, status int) {
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(http.StatusText(status) + "\n"))
}

// acceptsGzip reports whether Accept-Encoding names gzip without forbidding it (RFC 9110, section 12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, part := range strings.Split(r.Header.Get("Accept-Encoding"), ",") {
		coding, weight, _ := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			q := strings.ReplaceAll(weight, " ", "")
			return strings.TrimRight(q, "0.") != "q="
		}
	}
	return false
}

func newNonce() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return base64.RawStdEncoding.EncodeToString(b[:])
}

// notBuilt is shown by a binary that was compiled without the pages.
const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Pages not built · Grove</title><link rel="stylesheet" href="{stylesheet}"></head>
<body><div class="frame"><main class="card"><h1>The pages were not built</h1>
<p class="lead">This binary was compiled without the console and the account portal. Sign-in, the API and every protocol work.</p>
<p class="note">Run <code>make build</code>, or <code>npm ci &amp;&amp; npm run build</code> in <code>frontend/</code>, then compile again.</p>
</main></div></body></html>
`
