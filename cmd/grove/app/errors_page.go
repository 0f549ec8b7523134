package app

import (
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"html/template"
	"net/http"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

//go:embed errors_page.css
var errorsStyle string

// errorsPolicy lets the page have its own style and nothing else.
var errorsPolicy = func() string {
	sum := sha256.Sum256([]byte(errorsStyle))
	return "default-src 'none'; style-src 'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'; img-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
}()

// errorsPage is where the type of every problem leads (RFC 9457, section 3.1.1).
func errorsPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	httpapi.Cacheable(h, "public, max-age=300")
	h.Set("Content-Security-Policy", errorsPolicy)
	_ = errorsTemplate.Execute(w, struct {
		Style template.CSS
		Codes []fault.Code
	}{template.CSS(errorsStyle), fault.Catalogue()})
}

var errorsTemplate = template.Must(template.New("errors").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
<title>Grove: error codes</title><link rel="icon" href="/_app/mark.svg"><style>{{.Style}}</style></head>
<body><main><p><a href="/docs">API reference</a></p><h1>Error codes</h1>
<p>Every failure of the management API is <code>application/problem+json</code> (RFC 9457). Branch on <code>code</code>; its <code>detail</code> and <code>errors</code> say more of the one case.</p>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">What it means, and what to do</th></tr></thead><tbody>
{{range .Codes}}<tr id="{{.Name}}"><th scope="row"><a href="#{{.Name}}"><code>{{.Name}}</code></a></th><td>{{.Kind.Status}}</td><td><strong>{{.Title}}.</strong> {{.Hint}}</td></tr>
{{end}}</tbody></table></main></body></html>
`))
