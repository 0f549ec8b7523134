package hosted

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"

	"grove/frontend/login"
	"grove/iam/authn"
	"grove/infra/httpapi"
)

// maxForm is far above the longest form: a password of 1024 bytes, every one of them escaped.
const maxForm = 32 << 10

var (
	errParameters = errors.New("hosted: parameters cannot be read, or one is repeated")
	errForgery    = errors.New("hosted: the form is not from a page of ours")
)

// values are parameters of which none is repeated (security row: parameter pollution).
type values map[string]string

func parse(raw string) (values, error) {
	all, err := url.ParseQuery(raw)
	if err != nil {
		return nil, errParameters
	}
	out := make(values, len(all))
	for name, list := range all {
		if len(list) != 1 {
			return nil, errParameters
		}
		out[name] = list[0]
	}
	return out, nil
}

// form reads a POST that came from a page of ours, made for this browser and this purpose: the hidden field holds a MAC
// over the browser's secret, which a stranger's page neither knows nor can set, and the browser itself says that the
// form was ours, where it says anything.
func (p *Pages) form(w http.ResponseWriter, r *http.Request, b authn.Browser, purpose string) (values, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/x-www-form-urlencoded" {
		return nil, errParameters
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxForm))
	if err != nil {
		return nil, errParameters
	}
	in, err := parse(string(body))
	if err != nil {
		return nil, err
	}
	want, err := p.token(r, b, purpose)
	if err != nil {
		return nil, err
	}
	if !ours(r) {
		p.refuse(r, b, refusedOrigin)
		return nil, errForgery
	}
	if !hmac.Equal([]byte(in[login.FieldCSRF]), []byte(want)) {
		p.refuse(r, b, refusedToken)
		return nil, errForgery
	}
	return in, nil
}

// ours looks at what the browser says about where the form came from. Pages with Referrer-Policy: no-referrer send
// Origin: null (Fetch, section 3.1), which says nothing.
func ours(r *http.Request) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	sent := r.Header.Values("Origin")
	if len(sent) == 0 || len(sent) == 1 && sent[0] == "null" {
		return true
	}
	base, err := url.Parse(httpapi.TenantOf(r.Context()).Base)
	return err == nil && len(sent) == 1 && sent[0] == base.Scheme+"://"+base.Host
}

// token is the value of the hidden field.
func (p *Pages) token(r *http.Request, b authn.Browser, purpose string) (string, error) {
	key, err := p.Keys.DataKey(r.Context(), httpapi.TenantOf(r.Context()).ID)
	if err != nil {
		return "", err
	}
	derived := key.Derive("hosted.form")
	mac := hmac.New(sha256.New, derived[:])
	mac.Write([]byte(b.Secret))
	mac.Write([]byte{0})
	mac.Write([]byte(purpose))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)), nil
}

// address is where a page below the request's own base lives, as a path on this host. Pairs are names and values.
func address(r *http.Request, path string, pairs ...string) string {
	base, err := url.Parse(httpapi.IssuerOf(r.Context()).URL)
	if err != nil {
		return path
	}
	query := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		query.Set(pairs[i], pairs[i+1])
	}
	out := url.URL{Path: base.Path + path, RawQuery: query.Encode()}
	return out.String()
}
