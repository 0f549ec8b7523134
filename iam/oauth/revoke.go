package oauth

import (
	"context"
	"errors"
	"net/http"

	"grove/infra/db"
	"grove/infra/httpapi"
	"grove/infra/secrets"
)

// revoke is token revocation (RFC 7009). A client gives back its own tokens only; for anything else the answer is the
// same 200 and nothing happens. A refresh token takes its whole family along.
func (s *Service) revoke(w http.ResponseWriter, r *http.Request) {
	s.logged(w, r, atRevoke, resultInactive, s.answerRevoke)
}

func (s *Service) answerRevoke(w http.ResponseWriter, r *http.Request) {
	form, err := readForm(r)
	if err == nil {
		err = s.revocation(r, form)
	}
	if err != nil {
		s.refuseForm(w, r, atRevoke, form, err)
		return
	}
	noStore(w.Header())
	w.WriteHeader(http.StatusOK)
}

func (s *Service) revocation(r *http.Request, form params) error {
	ctx := r.Context()
	client, err := s.authenticateClient(ctx, r, form)
	if err != nil {
		return err
	}
	token := form.get("token")
	if token == "" {
		return refuse(codeInvalidRequest, "token is required.").told("RFC 7009, section 2.1", "", "Send the token in the body as token.")
	}
	if secrets.LooksLike(prefixRefresh, token) {
		return s.revokeRefresh(ctx, client, token)
	}
	return s.revokeAccess(ctx, client, token)
}

func (s *Service) revokeRefresh(ctx context.Context, client authenticatedClient, token string) error {
	return s.DB.InTenant(asClient(ctx, client.Client), httpapi.TenantOf(ctx).ID, func(ctx context.Context, tx db.Tx) error {
		f, err := lockRefresh(ctx, tx, secrets.HashToken(token))
		switch {
		case db.IsNoRows(err), err == nil && f.App != client.ID:
			return nil
		case err != nil:
			return err
		}
		line := s.lineOf(ctx)
		line.aboutFamily(f.grant)
		line.became(resultRevoked)
		return s.endTx(ctx, tx, f.grant, reasonRevoked)
	})
}

func (s *Service) revokeAccess(ctx context.Context, client authenticatedClient, token string) error {
	t := httpapi.TenantOf(ctx)
	a, err := s.readAccess(ctx, t, token)
	if errors.Is(err, errToken) || err == nil && a.clientID != client.ClientID {
		return nil
	}
	if err != nil {
		return err
	}
	line := s.lineOf(ctx)
	line.about(a)
	line.became(resultRevoked)
	return s.DB.InTenant(asClient(ctx, client.Client), t.ID, func(ctx context.Context, tx db.Tx) error {
		if err := s.Events.Write(ctx, tx, eventTokenRevoked.Of(a.org, a.id, tokenData{App: client.ID, User: a.user})); err != nil {
			return err
		}
		return tx.Block(ctx, db.KindToken, a.id.UUID(), reasonRevoked)
	})
}
