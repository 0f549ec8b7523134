package oauth

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"grove/iam/apps"
	"grove/infra/httpapi"
	"grove/infra/kernel/ids"
)

// The token log: a line for each token that is issued, exchanged, asked about or taken back, and for each request for one that is
// refused, where the installation has it on. A line names tokens by their ids (jti) and families of refresh tokens by their
// grants; no value of a token, code, assertion or secret is in it.

// tokenLine is what one request is logged as. A nil line takes everything and logs nothing.
type tokenLine struct {
	began    time.Time
	client   string
	endpoint string
	failure  string // of the codes of protocol errors
	grant    ids.Grant
	kind     string // grant_type, of those there are
	org      ids.Org
	result   string
	scopes   []string
	token    ids.AccessToken
	user     ids.User
}

// Results of a line that is no failure.
const (
	resultActive   = "active"
	resultInactive = "inactive"
	resultIssued   = "issued"
	resultRevoked  = "revoked"
)

type tokenLineKey struct{}

// lineOf is the line of a request, nil where none is written.
func (s *Service) lineOf(ctx context.Context) *tokenLine {
	if !s.options.TokenLog {
		return nil
	}
	line, _ := ctx.Value(tokenLineKey{}).(*tokenLine)
	return line
}

// logged handles a request and writes its line, with the result unless something else comes of it. A handler that panics has no line: its
// panic is logged.
func (s *Service) logged(w http.ResponseWriter, r *http.Request, endpoint, result string, handle http.HandlerFunc) {
	if !s.options.TokenLog {
		handle(w, r)
		return
	}
	line := &tokenLine{began: time.Now(), endpoint: endpoint, result: result}
	r = r.WithContext(context.WithValue(r.Context(), tokenLineKey{}, line))
	handle(w, r)
	s.writeLine(r.Context(), line)
}

func (s *Service) writeLine(ctx context.Context, l *tokenLine) {
	attrs := make([]slog.Attr, 0, 12)
	add := func(name, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(name, value))
		}
	}
	t := httpapi.TenantOf(ctx)
	add("tenant", t.Handle)
	add("endpoint", l.endpoint)
	add("grant_type", l.kind)
	add("client_id", l.client)
	if !l.org.IsZero() {
		add("org_id", l.org.String())
	}
	if !l.user.IsZero() {
		add("user_id", l.user.String())
	}
	if !l.grant.IsZero() {
		add("grant_id", l.grant.String())
	}
	if !l.token.IsZero() {
		add("token_id", l.token.String())
	}
	add("scope", strings.Join(l.scopes, " "))
	if l.failure != "" {
		l.result = "refused"
	}
	add("result", l.result)
	add("error", l.failure)
	attrs = append(attrs, slog.Int64("duration_us", time.Since(l.began).Microseconds()))
	s.log.LogAttrs(ctx, slog.LevelInfo, "token request", attrs...)
}

// issued notes an access token. One that no token request asked for comes with an authorization response, and has a line of its own.
func (s *Service) issued(ctx context.Context, a accessClaims, id ids.AccessToken) {
	if !s.options.TokenLog {
		return
	}
	line := s.lineOf(ctx)
	if line == nil {
		line = &tokenLine{began: time.Now(), endpoint: atAuthorize, result: resultIssued}
		defer s.writeLine(ctx, line)
	}
	line.client, line.org, line.scopes, line.token = a.client.ClientID, a.org.ID, a.scopes, id
	if a.person != nil {
		line.user, line.grant = a.person.grant.User, a.person.grant.ID
	}
}

func (l *tokenLine) of(client apps.Client) {
	if l != nil {
		l.client = client.ClientID
	}
}

func (l *tokenLine) asked(grantType string) {
	if l != nil {
		l.kind = grantType
	}
}

// about notes an access token that a client asked about or gives back.
func (l *tokenLine) about(a accessToken) {
	if l != nil {
		l.token, l.org, l.user, l.grant, l.scopes = a.id, a.org, a.user, a.grant, a.scopes
	}
}

// aboutFamily notes a refresh token by its grant.
func (l *tokenLine) aboutFamily(g grant) {
	if l != nil {
		l.grant, l.org, l.user, l.scopes = g.ID, g.Org, g.User, g.Scopes
	}
}

func (l *tokenLine) became(result string) {
	if l != nil {
		l.result = result
	}
}

func (l *tokenLine) refused(e *protocolError) {
	if l != nil {
		l.failure = e.code
	}
}
