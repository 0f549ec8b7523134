package oauth

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

// Pushed authorization requests (RFC 9126).
const (
	prefixPushed     = "grv_pr"
	pushedLife       = time.Minute
	requestURIPrefix = "urn:ietf:params:oauth:request_uri:" // RFC 9126, section 2.2
)

// ofClient are the parameters by which a client proves itself. They are no part of its authorization request.
var ofClient = []string{"client_assertion", "client_assertion_type", "client_secret"}

// push is the pushed authorization request endpoint. The request is judged here, where only the client sees what is wrong
// with it, and again when the browser brings its reference.
func (s *Service) push(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	var body []byte
	if err == nil {
		body, err = s.pushed(r, form)
	}
	if err != nil {
		s.refuseForm(w, r, atPush, form, err)
		return
	}
	writeRaw(w, http.StatusCreated, body)
}

func (s *Service) pushed(r *http.Request, form params) ([]byte, error) {
	ctx := r.Context()
	client, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return nil, err
	}
	if form.has("request_uri") {
		return nil, refuse(codeInvalidRequest, "A pushed request names no request_uri (RFC 9126, section 2.1).").told("RFC 9126, section 2.1", "", "Push the parameters themselves; request_uri comes back in the answer.")
	}
	request := slices.DeleteFunc(slices.Clone(form), func(p param) bool { return contains(ofClient, p.name) || p.name == "client_id" })
	request = append(request, param{"client_id", client.ClientID})
	if request, err = s.opened(ctx, client.Client, request); err != nil {
		return nil, err
	}
	// A proof binds the code as dpop_jkt does (RFC 9449, section 10.1).
	switch named := request.get("dpop_jkt"); {
	case client.shown.jkt == "":
	case named == "":
		request = append(request, param{"dpop_jkt", client.shown.jkt})
	case named != client.shown.jkt:
		return nil, refuse(codeInvalidProof, "dpop_jkt names another key than the proof.").told("RFC 9449, section 10.1", "dpop_jkt is the thumbprint of the key that signed the proof.", "Leave dpop_jkt out: the proof says it, or make it from the same key.")
	}
	a, err := s.target(ctx, client.Client, request)
	if err != nil {
		return nil, err
	}
	reference, hash := secrets.NewToken(prefixPushed)
	a.Pushed = hash
	if _, err := s.readAuthorization(ctx, client.Client, request, &a); err != nil {
		return nil, err
	}
	pairs := make([][2]string, len(request))
	for i, p := range request {
		pairs[i] = [2]string{p.name, p.value}
	}
	raw, err := json.Marshal(pairs)
	if err != nil {
		return nil, err
	}
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		return insertPushed(ctx, tx, hash, client.ID, a.Issuer, raw, tx.Now().Add(pushedLife))
	})
	if err != nil {
		return nil, err
	}
	return newClaims().text("request_uri", requestURIPrefix+reference).number("expires_in", int64(pushedLife/time.Second)).end(), nil
}

var errRequestURI = refuse(codeInvalidRequestURI, "request_uri names no pushed request of this application that can still be used. Start again from the application.").told("RFC 9126, section 4",
	"request_uri is the one of the last answer of the PAR endpoint to this app, not older than a minute, and was not answered yet.",
	"Push a new request for each sign-in, and send the browser on at once.")

// pulled returns the parameters that a request_uri stands for, and the hash of its reference; nil for a request that was not pushed.
// What else came along but client_id is ignored (RFC 9126, section 4). The reference stays good until the request is answered (see
// useUp), so that a page that is loaded again, or in advance, costs nobody his sign-in (FAPI 2.0, section 5.3.2.2).
func (s *Service) pulled(ctx context.Context, p params) (of params, pushed []byte, err error) {
	uri := p.get("request_uri")
	reference, ours := strings.CutPrefix(uri, requestURIPrefix)
	switch {
	case uri == "" || !ours && !strings.HasPrefix(uri, requestURIPrefix[:4]):
		return p, nil, nil // one that is fetched is refused further on
	case !secrets.LooksLike(prefixPushed, reference) || p.get("client_id") == "":
		return nil, nil, errRequestURI
	}
	var raw []byte
	hash := secrets.HashToken(reference)
	err = s.DB.InTenant(ctx, httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) (err error) {
		raw, err = findPushed(ctx, tx, hash, p.get("client_id"), httpapi.IssuerOf(ctx).URL)
		return err
	})
	if db.IsNoRows(err) {
		return nil, nil, errRequestURI
	}
	var pairs [][2]string
	if err == nil {
		err = json.Unmarshal(raw, &pairs)
	}
	if err != nil {
		return nil, nil, err
	}
	for _, pair := range pairs {
		of = append(of, param{pair[0], pair[1]})
	}
	return of, hash, nil
}

// useUp ends what a pushed request is good for, before it is answered: of all the sign-ins that began with it one is. Others find
// an error, also when they end after its minute.
func (s *Service) useUp(ctx context.Context, a authorization) error {
	if a.Pushed == nil {
		return nil
	}
	return s.DB.InTenant(ctx, httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		first, err := insertUsed(ctx, tx, a.Pushed, tx.Now().Add(pushedLife+s.options.FlowTTL))
		if err == nil && !first {
			return errRequestURI
		}
		if err == nil {
			err = deletePushed(ctx, tx, a.Pushed)
		}
		return err
	})
}
