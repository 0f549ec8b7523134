package frontend

import "net/http"

// Reference serves the API's reference: Scalar, from this binary, over /openapi.json. Nothing is asked of a third party.
func Reference(w http.ResponseWriter, r *http.Request) {
	if !readOnly(w, r) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	// Scalar writes its own style elements; its scripts come from here.
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; connect-src 'self'; "+
		"font-src 'self' data:; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	_, _ = w.Write([]byte(reference))
}

const reference = `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Grove API</title>
<link rel="icon" href="/_app/mark.svg">
<div id="reference"></div>
<noscript>The reference needs JavaScript. The description itself is at <a href="/openapi.json">/openapi.json</a>.</noscript>
<script src="/_app/assets/scalar.js"></script>
<script src="/_app/reference.js"></script>
</html>
`
