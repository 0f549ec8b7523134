package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
)

// prepared makes the pairs one at a time: each prepares what it needs just before it is measured.
type prepared struct {
	name string
	pair func(ctx context.Context) (pair, error)
}

// errSkip is why an operation is not measured.
type errSkip struct{ why string }

func (e errSkip) Error() string { return e.why }

// rows lists what is measured. The token endpoint is first, so that memory can be read after its load and nothing else's.
type rows struct {
	g                     *grove
	limit                 string // address of the limit handlers
	people, organizations int
	person                *person
}

func (r *rows) all() []prepared {
	return []prepared{
		{"client_credentials, JWT ES256", r.token},
		{"JWKS", r.jwks},
		{"discovery", r.discovery},
		{"introspection", r.introspection},
		{"userinfo", r.userinfo},
		{"refresh with rotation", r.refresh},
		{"50 users, page 1", r.firstPage},
		{"50 users, page 1,000", r.deepPage},
		{"user by name", r.find},
		{"children of an organization", r.children},
		{"ancestors of an organization", r.ancestors},
		{"effective settings", r.settings},
		{"move an organization", r.move},
	}
}

const formType = "application/x-www-form-urlencoded"

var formHeaders = map[string]string{"Content-Type": formType}

func (r *rows) basic() map[string]string {
	return map[string]string{"Content-Type": formType, "Authorization": credentials(r.g.ClientID, r.g.ClientSecret)}
}

// api has a fresh token, so that none expires while its operation is measured.
func (r *rows) api(ctx context.Context) (api, error) {
	token, err := clientToken(ctx, r.g)
	return api{g: r.g, token: token}, err
}

// scoped is a token as a service would have it: with one scope.
func (r *rows) scoped(ctx context.Context, scope string) (string, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
	}
	err := postForm(ctx, r.g.BaseURL+r.g.path("/oauth2/token"), credentials(r.g.ClientID, r.g.ClientSecret),
		url.Values{"grant_type": {"client_credentials"}, "scope": {scope}}, &answer)
	return answer.AccessToken, err
}

// get is a pair of reads of the management API at paths below /v1.
func (r *rows) get(ctx context.Context, limitPath, scope string, paths ...string) (pair, error) {
	token, err := r.scoped(ctx, scope)
	if err != nil {
		return pair{}, err
	}
	headers := map[string]string{"Authorization": "Bearer " + token}
	var requests [][]byte
	for _, path := range paths {
		requests = append(requests, raw(r.g.addr, http.MethodGet, r.g.path("/v1"+path), headers, ""))
	}
	return pair{grove: repeated(r.g.addr, http.StatusOK, requests...),
		limit: repeated(r.limit, http.StatusOK, raw(r.limit, http.MethodGet, limitPath, headers, ""))}, nil
}

func (r *rows) post(limitPath, body string) request {
	return repeated(r.limit, http.StatusOK, raw(r.limit, http.MethodPost, limitPath, formHeaders, body))
}

func (r *rows) token(context.Context) (pair, error) {
	const body = "grant_type=client_credentials&scope=orgs.read"
	return pair{target: "≥ 0.6, ≤ 90 µs CPU", limitName: "parse, sign", limit: r.post("/es256", body),
		grove: repeated(r.g.addr, http.StatusOK, raw(r.g.addr, http.MethodPost, r.g.path("/oauth2/token"), r.basic(), body))}, nil
}

func (r *rows) static(path string) (pair, error) {
	return pair{target: "≥ 0.7", limitName: "static", limit: repeated(r.limit, http.StatusOK, raw(r.limit, http.MethodGet, "/static", nil, "")),
		grove: repeated(r.g.addr, http.StatusOK, raw(r.g.addr, http.MethodGet, r.g.path(path), nil, ""))}, nil
}

func (r *rows) jwks(context.Context) (pair, error) { return r.static("/oauth2/jwks") }

func (r *rows) discovery(context.Context) (pair, error) {
	return r.static("/.well-known/openid-configuration")
}

func (r *rows) introspection(ctx context.Context) (pair, error) {
	token, err := r.scoped(ctx, "orgs.read")
	body := url.Values{"token": {token}}.Encode()
	return pair{target: "≥ 0.6", limitName: "select", limit: r.post("/select", body),
		grove: repeated(r.g.addr, http.StatusOK, raw(r.g.addr, http.MethodPost, r.g.path("/oauth2/introspect"), r.basic(), body))}, err
}

// signIn signs the administrator in. The browser stays, so that the next time the session answers.
func (r *rows) signIn(ctx context.Context) (tokens, error) {
	if r.person == nil {
		a, err := r.api(ctx)
		if err != nil {
			return tokens{}, err
		}
		if r.person, err = newPerson(ctx, r.g, a); err != nil {
			return tokens{}, err
		}
	}
	return r.person.signIn(ctx)
}

func (r *rows) userinfo(ctx context.Context) (pair, error) {
	got, err := r.signIn(ctx)
	if err != nil {
		return pair{}, err
	}
	headers := map[string]string{"Authorization": "Bearer " + got.Access}
	return pair{limitName: "select", limit: repeated(r.limit, http.StatusOK, raw(r.limit, http.MethodGet, "/select", headers, "")),
		grove: repeated(r.g.addr, http.StatusOK, raw(r.g.addr, http.MethodGet, r.g.path("/oauth2/userinfo"), headers, ""))}, nil
}

// refresh gives every connection a grant of its own, whose refresh token it rotates from one run to the next.
func (r *rows) refresh(ctx context.Context) (pair, error) {
	most := connections[len(connections)-1]
	newest := make([]string, most)
	for i := range newest {
		got, err := r.signIn(ctx)
		if err != nil {
			return pair{}, err
		}
		if newest[i] = got.Refresh; newest[i] == "" {
			return pair{}, errors.New("the sign-in gave no refresh token")
		}
	}
	headers := map[string]string{"Content-Type": formType, "Authorization": credentials(r.person.clientID, r.person.secret)}
	chain := func(conn int) exchange {
		return exchange{
			next: func() []byte {
				return raw(r.g.addr, http.MethodPost, r.g.path("/oauth2/token"), headers, "grant_type=refresh_token&refresh_token="+url.QueryEscape(newest[conn]))
			},
			read: func(body []byte) error {
				var got tokens
				if err := json.Unmarshal(body, &got); err != nil || got.Refresh == "" || got.Refresh == newest[conn] {
					return errors.New("the refresh token was not rotated")
				}
				newest[conn] = got.Refresh
				return nil
			},
		}
	}
	return pair{target: "≥ 0.5", limitName: "delete, insert, sign", limit: r.post("/rotate", "grant_type=refresh_token&refresh_token="+url.QueryEscape(newest[0])),
		grove: request{addr: r.g.addr, want: http.StatusOK, open: chain}}, nil
}

const limitPage = "/page?size=50&after=user0050000"

func (r *rows) firstPage(ctx context.Context) (pair, error) {
	p, err := r.get(ctx, limitPage, "users.read", "/orgs/root/users?page_size=50")
	p.target, p.limitName = "p50 ≤ 0.8 ms", "select of 50"
	return p, err
}

// deepPage walks to page 1,000, or as far as there are pages, and measures the last hundred that it came to.
func (r *rows) deepPage(ctx context.Context) (pair, error) {
	a, err := r.api(ctx)
	if err != nil {
		return pair{}, err
	}
	if a.token, err = r.scoped(ctx, "users.read"); err != nil {
		return pair{}, err
	}
	var paths []string
	path := "/orgs/root/users?page_size=50"
	for range 1000 {
		var page struct {
			Next string `json:"next_page_token"`
		}
		if err := a.call(ctx, http.MethodGet, path, nil, &page); err != nil {
			return pair{}, err
		}
		if page.Next == "" {
			break
		}
		path = "/orgs/root/users?page_size=50&page_token=" + url.QueryEscape(page.Next)
		paths = append(paths, path)
	}
	if len(paths) == 0 {
		return pair{}, errSkip{"there is one page only"}
	}
	p, err := r.get(ctx, limitPage, "users.read", paths[max(0, len(paths)-100):]...)
	p.target, p.limitName = "p50 ≤ 0.8 ms", "select of 50"
	return p, err
}

// sample is how many different things an operation is asked for.
const sample = 1000

func (r *rows) find(ctx context.Context) (pair, error) {
	var paths []string
	for range sample {
		filter := fmt.Sprintf("userName eq %q", username(1+rand.IntN(r.people)))
		paths = append(paths, "/orgs/root/users?filter="+url.QueryEscape(filter))
	}
	p, err := r.get(ctx, "/select", "users.read", paths...)
	p.target, p.limitName = "≥ 8,000/s, p50 ≤ 0.3 ms", "select"
	return p, err
}

// nodes are paths of organizations chosen by chance between two numbers, the last one excluded.
func nodes(from, to int, rest string) []string {
	var paths []string
	for range sample {
		paths = append(paths, "/orgs/"+orgHandle(from+rand.IntN(to-from))+rest)
	}
	return paths
}

func (r *rows) children(ctx context.Context) (pair, error) {
	parents := max(2, r.organizations/fanOut) // the organizations after these have no children
	p, err := r.get(ctx, "/page?size=20&after=user0050000", "orgs.read", nodes(1, parents, "/children")...)
	p.limitName = "select of 20"
	return p, err
}

func (r *rows) ancestors(ctx context.Context) (pair, error) {
	p, err := r.get(ctx, "/select", "orgs.read", nodes(max(1, r.organizations/2), r.organizations+1, "/ancestors")...)
	p.limitName = "select"
	return p, err
}

func (r *rows) settings(ctx context.Context) (pair, error) {
	a, err := r.api(ctx)
	if err != nil {
		return pair{}, err
	}
	var list struct {
		Items []struct {
			Module string `json:"module"`
		} `json:"items"`
	}
	if err := a.call(ctx, http.MethodGet, "/orgs/root/settings", nil, &list); err != nil {
		return pair{}, err
	}
	if len(list.Items) == 0 {
		return pair{}, errSkip{"the program declares no settings"}
	}
	p, err := r.get(ctx, "/select", "settings.read", nodes(max(1, r.organizations/2), r.organizations+1, "/settings/"+list.Items[0].Module)...)
	p.limitName = "select"
	return p, err
}

// move puts organizations without children to and fro between two parents; every connection has one of its own.
func (r *rows) move(ctx context.Context) (pair, error) {
	a, err := r.api(ctx)
	if err != nil {
		return pair{}, err
	}
	var parents [2]string
	for i := range parents {
		var org struct {
			ID string `json:"id"`
		}
		if err := a.call(ctx, http.MethodGet, "/orgs/"+orgHandle(i+1), nil, &org); err != nil {
			return pair{}, err
		}
		parents[i] = org.ID
	}
	headers := map[string]string{"Authorization": "Bearer " + a.token, "Content-Type": "application/json"}
	turns := make([]int, connections[len(connections)-1])
	to := func(conn int) exchange {
		return exchange{next: func() []byte {
			turns[conn]++
			return raw(r.g.addr, http.MethodPost, r.g.path("/v1/orgs/"+orgHandle(r.organizations-conn)+":move"), headers,
				`{"parent_id":"`+parents[turns[conn]%2]+`"}`)
		}}
	}
	return pair{limitName: "insert", limit: r.post("/insert", "a=b"), grove: request{addr: r.g.addr, want: http.StatusOK, open: to}}, nil
}
