package oauth

import (
	"context"
	"net/http"
	"time"

	"grove/iam/authz/details"
	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

const ruleCIBAToken = "OpenID Connect CIBA Core 1.0, section 11"

var (
	errCIBADenied  = refuse(codeAccessDenied, "The person said no.").told(ruleCIBAToken, "The person agrees.", "Stop polling; ask again only if the person wants to.")
	errCIBAExpired = refuse(codeExpiredToken, "The auth_req_id has run out. Begin again.").told(ruleCIBAToken, "auth_req_id is not older than expires_in of its answer.", "Ask anew; requested_expiry makes it longer, up to an hour.")
	errCIBAPending = refuse(codeAuthorizationPending, "The person has not answered yet.")
	errCIBASlow    = refuse(codeSlowDown, "Poll less often: wait five seconds more from now on.").told(ruleCIBAToken, "Polls are interval seconds apart, and five more after each slow_down.", "Wait between polls as interval says, and lengthen it at slow_down; or use the mode ping.")
)

// cibaToken is the grant urn:openid:params:grant-type:ciba (OpenID Connect CIBA Core 1.0, sections 10.1 and 11), for both modes. What a
// poll finds is written down even where the answer is an error.
func (s *Service) cibaToken(w http.ResponseWriter, r *http.Request, client authenticatedClient, form params) error {
	ctx := r.Context()
	id := form.get("auth_req_id")
	switch {
	case id == "":
		return refuse(codeInvalidRequest, "auth_req_id is required.").told("OpenID Connect CIBA Core 1.0, section 10.1", "", "Send the auth_req_id of the backchannel authentication response.")
	case !secrets.LooksLike(prefixCIBA, id):
		return errGrant.told("OpenID Connect CIBA Core 1.0, section 10.1", "auth_req_id is one that this server made.", "Send auth_req_id, whole and unchanged.")
	}
	wanted, err := s.readDetails(ctx, client.Client, form, form.all("resource"), details.Request{})
	if err != nil {
		return err
	}
	issuer := httpapi.IssuerOf(ctx).URL
	var p person
	var refresh string
	var answer error
	err = s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		c, err := lockCIBA(ctx, tx, secrets.HashToken(id))
		switch {
		case db.IsNoRows(err):
			return errGrant.told(ruleCIBAToken, "auth_req_id waits, and has given no token yet.", "Stop polling after tokens, a refusal or expires_in; ask anew for a new sign-in.")
		case err != nil:
			return err
		case c.App != client.ID || c.Issuer != issuer:
			return errGrant.told("OpenID Connect CIBA Core 1.0, section 10.1", "auth_req_id was made for this app, at this issuer.", "Use one client_id and one issuer for both requests.")
		case !tx.Now().Before(c.ExpiresAt):
			return errCIBAExpired
		case c.State == cibaPending:
			answer, err = cibaPolled(ctx, tx, c)
			return err
		case c.State == cibaDenied: // the row stays: it counts among those that the person did not want
			return errCIBADenied
		}
		if err := deleteCIBA(ctx, tx, c.ID); err != nil {
			return err
		}
		p, refresh, err = s.answeredTx(ctx, tx, client, c.Grant, form, wanted)
		return err
	})
	if err == nil {
		err = answer
	}
	if err != nil {
		return err
	}
	return s.respond(ctx, w, client, p, refresh, "")
}

// cibaPolled notes that a client has asked while nobody has answered, and says whether that was too early.
func cibaPolled(ctx context.Context, tx db.Tx, c cibaRequest) (answer, err error) {
	answer = errCIBAPending
	if c.PolledAt != nil && tx.Now().Before(c.PolledAt.Add(time.Duration(c.Interval)*time.Second)) {
		answer = errCIBASlow
		c.Interval += int(cibaInterval / time.Second)
	}
	return answer, noteCIBAPoll(ctx, tx, c.ID, c.Interval)
}
