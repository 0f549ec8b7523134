package registration

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/url"
	"strconv"
	"strings"
	"time"

	"grove/infra/db"
	"grove/infra/kernel/actor"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/outbound"
)

// How long a document is believed (OAuth Client ID Metadata Document, section 4.4).
const (
	documentFresh = time.Hour       // where it does not say
	freshest      = 5 * time.Minute // however short it says
	longest       = 24 * time.Hour  // however long it says
	documentStale = 24 * time.Hour  // beyond that, while it cannot be read
	documentPause = 10 * time.Second

	maxDocumentBytes = 32 << 10
	maxDocumentURL   = 255 // as of a client_id
	maxFailed        = 4096
)

// ErrDocument says that a client_id is an address at which no app describes itself as it has to. The cause is for the log.
var ErrDocument = refuse("invalid_client", "The application's description cannot be read from the address that is its client_id, or it is not as it has to be.")

// IsDocument reports whether a client_id is an address, so that a document says what the client is.
func IsDocument(clientID string) bool {
	return strings.HasPrefix(clientID, "https://") || strings.HasPrefix(clientID, "http://")
}

// Ensure sees to it that the app which a document describes is known and as its document says now. It does nothing for other
// client_ids. The document is read where org lets such apps in, or the app is known already; while it cannot be read again it is
// believed for another day. An error is ErrDocument, fault.ErrNotFound where no such app is let in, or one of the installation.
func (s *Service) Ensure(ctx context.Context, tenant ids.Tenant, root, org ids.Org, clientID string) error {
	if !IsDocument(clientID) {
		return nil
	}
	if !s.addressable(clientID) {
		return fault.ErrNotFound
	}
	known, err := s.document(ctx, tenant, clientID)
	if err != nil {
		return err
	}
	now := s.db.Clock().Now()
	if now.Before(known.FreshUntil) {
		return nil
	}
	if known.App.IsZero() {
		p, err := s.policy(ctx, tenant, org)
		if err != nil {
			return err
		}
		if !p.covers(clientID) {
			return fault.ErrNotFound
		}
	}
	key := tenant.String() + " " + clientID
	if !s.pausing(key, now) {
		// Whoever asked first may go away; the others wait for what comes of it.
		_, err, _ = s.reading.Do(key, func() (any, error) { return nil, s.read(context.WithoutCancel(ctx), tenant, root, clientID) })
		if err == nil {
			return nil
		}
		s.pause(key, now)
	}
	if !known.App.IsZero() && now.Before(known.FreshUntil.Add(documentStale)) {
		return nil
	}
	return errors.Join(ErrDocument, err)
}

// document returns what is known of a document; the zero row where nothing is.
func (s *Service) document(ctx context.Context, tenant ids.Tenant, clientID string) (row documentRow, err error) {
	err = s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err = findDocument(ctx, tx, clientID)
		if db.IsNoRows(err) {
			return nil
		}
		return err
	})
	return row, err
}

// addressable is section 3 of the specification: https, a path without dot segments, no user and no fragment. A query is let
// pass, as is http on this machine while developing.
func (s *Service) addressable(clientID string) bool {
	u, err := url.Parse(clientID)
	if err != nil || len(clientID) > maxDocumentURL || u.User != nil || u.Fragment != "" || strings.Contains(clientID, "#") || u.Host == "" || len(u.Path) < 2 ||
		u.Scheme != "https" && !(s.dev && isLoopback(u.Hostname())) || u.String() != clientID || strings.ToLower(u.Host) != u.Host {
		return false
	}
	for segment := range strings.SplitSeq(u.Path, "/") {
		if segment == "." || segment == ".." {
			return false
		}
	}
	return true
}

// read reads a document and stores the app that it describes, in the root, from where every organization that lets such apps
// in has it.
func (s *Service) read(ctx context.Context, tenant ids.Tenant, root ids.Org, clientID string) error {
	answer, err := s.Outbound.Get(ctx, clientID, "application/json", maxDocumentBytes)
	if err != nil {
		return err
	}
	m, err := parseDocument(answer, clientID)
	if err != nil {
		return err
	}
	described, err := m.registration(documentRules)
	if err != nil {
		return err
	}
	described.ClientID, described.Native = clientID, true // as those of native apps, whatever it is: it may come back to any port
	ctx = actor.Into(ctx, actor.ForJob(tenant, "registration.documents"))
	return s.db.InTenant(ctx, tenant, func(ctx context.Context, tx db.Tx) error {
		row, err := findDocument(ctx, tx, clientID)
		switch {
		case db.IsNoRows(err):
			made, _, err := s.Apps.RegisterTx(ctx, tx, root, described)
			if err != nil {
				return asRefusal(err)
			}
			row.App, row.Org = made.ID, root
			if err := s.Sharing.ShareAllTx(ctx, tx, made.ID, root); err != nil {
				return err
			}
		case err != nil:
			return err
		default:
			if _, err := s.Apps.ReregisterTx(ctx, tx, row.Org, row.App, described); err != nil {
				return asRefusal(err)
			}
		}
		row.FreshUntil = tx.Now().Add(freshness(answer.Header.Get("Cache-Control")))
		return putDocument(ctx, tx, row, clientID)
	})
}

// parseDocument reads what came from an address (OAuth Client ID Metadata Document, section 4).
func parseDocument(answer outbound.Answer, clientID string) (m Metadata, err error) {
	kind, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" && !strings.HasSuffix(kind, "+json") {
		return m, refuse(CodeMetadata, "A document is sent as application/json.")
	}
	var d struct {
		Metadata
		ClientID *string          `json:"client_id"`
		Secret   *json.RawMessage `json:"client_secret"`
		Expires  *json.RawMessage `json:"client_secret_expires_at"`
	}
	if err := json.Unmarshal(answer.Body, &d); err != nil {
		return m, errors.Join(refuse(CodeMetadata, "The document is not a JSON object with the members of client metadata."), err)
	}
	switch {
	case d.ClientID == nil || *d.ClientID != clientID:
		return m, refuse(CodeMetadata, "client_id in the document has to be the document's own address.")
	case d.Secret != nil || d.Expires != nil:
		return m, refuse(CodeMetadata, "A published document has no secret.")
	case len(d.RedirectURIs) == 0:
		return m, refuse(CodeRedirectURI, "redirect_uris are required.")
	}
	d.SoftwareStatement = ""
	return d.Metadata, nil
}

// freshness reads max-age of Cache-Control (RFC 9111, section 5.2.2).
func freshness(cacheControl string) time.Duration {
	for directive := range strings.SplitSeq(strings.ToLower(cacheControl), ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(directive), "=")
		switch name {
		case "no-cache", "no-store":
			return freshest
		case "max-age":
			seconds, err := strconv.ParseUint(strings.Trim(value, `"`), 10, 31)
			if err == nil {
				return min(max(time.Duration(seconds)*time.Second, freshest), longest)
			}
		}
	}
	return documentFresh
}

// pausing reports whether a document could not be read just now, so that nobody can make us ask without end.
func (s *Service) pausing(key string, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	at, failed := s.failed[key]
	return failed && now.Before(at.Add(documentPause))
}

func (s *Service) pause(key string, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.failed) >= maxFailed {
		clear(s.failed)
	}
	s.failed[key] = now
}
