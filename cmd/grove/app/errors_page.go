package app

import (
	"html/template"
	"net/http"

	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
)

// errorsPage is where the type of every problem leads (RFC 9457, section 3.1.1).
func errorsPage(w http.ResponseWriter, _ *http.Request) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	httpapi.Cacheable(h, "public, max-age=300")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'")
	_ = errorsTemplate.Execute(w, fault.Catalogue())
}

var errorsTemplate = template.Must(template.New("errors").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Grove: error codes</title></head>
<body><h1>Error codes</h1><p>Every failure of the management API is <code>application/problem+json</code> (RFC 9457). Branch on <code>code</code>.</p>
<table><thead><tr><th scope="col">Code</th><th scope="col">Status</th><th scope="col">Title</th></tr></thead><tbody>
{{range .}}<tr id="{{.Name}}"><td><code>{{.Name}}</code></td><td>{{.Kind.Status}}</td><td>{{.Title}}</td></tr>
{{end}}</tbody></table></body></html>
`))
