package apps_test

import (
	"context"
	"errors"
	"testing"

	"grove/iam/apps"
	"grove/infra/outbound"
)

// lists answers what sector_identifier_uri lists, by address.
type lists map[string]string

func (l lists) Get(_ context.Context, address, _ string, _ int64) (outbound.Answer, error) {
	body, ok := l[address]
	if !ok {
		return outbound.Answer{}, errors.New("nobody answers")
	}
	return outbound.Answer{Body: []byte(body)}, nil
}

func TestSector(t *testing.T) {
	t.Parallel()
	for sector, s := range map[string]apps.Settings{
		"":            {SubjectType: apps.SubjectPublic, RedirectURIs: []string{"https://a.example/cb"}},
		"a.example":   {SubjectType: apps.SubjectPairwise, RedirectURIs: []string{"https://A.example:8443/cb", "https://a.example/other"}},
		"all.example": {SubjectType: apps.SubjectPairwise, RedirectURIs: []string{"https://a.example/cb"}, SectorIdentifierURI: "https://All.example/uris.json"},
	} {
		if got := s.Sector(); got != sector {
			t.Errorf("%q, not %q", got, sector)
		}
	}
	if got := (apps.Settings{SubjectType: apps.SubjectPairwise, RedirectURIs: []string{"http://127.0.0.1/cb"}}).Sector(); got != "" {
		t.Errorf("every vendor's native apps are of the sector %q", got)
	}
}

// TestSubjectTypes: how people are named is changed by whoever may change where tokens go, and ends what was issued under other names.
func TestSubjectTypes(t *testing.T) {
	b := setup(t)
	b.apps.WithOutbound(lists{"https://s.example/one": `["https://a.example/cb"]`, "https://s.example/two": `["https://b.example/cb","https://a.example/cb"]`, "https://s.example/bad": `{"a":1}`})
	pairwise, public, kind := apps.SubjectPairwise, apps.SubjectPublic, "ephemeral"
	made, _ := b.create(t, b.A, b.A.Partner, apps.CreateAppRequest{Name: "web", Template: "web", RedirectURIs: []string{"https://a.example/cb"}})
	if made.OIDC.SubjectType != public {
		t.Errorf("a new app has %q subjects", made.OIDC.SubjectType)
	}
	update := func(in apps.UpdateAppOIDCRequest) error {
		_, err := b.apps.UpdateOIDC(all(b.A), b.A.Tenant.ID, b.A.Partner.ID, made.ID, 0, in)
		return err
	}
	uri := func(s string) *string { return &s }
	uris := func(list ...string) *[]string { return &list }
	epoch := func() int64 { n, _ := b.epoch(t, b.A, made.ID); return n }
	for _, c := range []struct {
		in    apps.UpdateAppOIDCRequest
		code  string
		raise bool
	}{
		{apps.UpdateAppOIDCRequest{SubjectType: &kind}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SubjectType: &pairwise}, "", true},
		{apps.UpdateAppOIDCRequest{SubjectType: &pairwise}, "", false},
		{apps.UpdateAppOIDCRequest{RedirectURIs: uris("https://a.example/cb", "https://b.example/cb")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SectorIdentifierURI: uri("https://s.example/nobody")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SectorIdentifierURI: uri("https://s.example/bad")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SectorIdentifierURI: uri("ftp://s.example/one")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SectorIdentifierURI: uri("https://s.example/one")}, "", true},
		{apps.UpdateAppOIDCRequest{RedirectURIs: uris("https://a.example/cb", "https://b.example/cb")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{RedirectURIs: uris("https://a.example/cb", "https://b.example/cb"), SectorIdentifierURI: uri("https://s.example/two")}, "", false},
		{apps.UpdateAppOIDCRequest{RedirectURIs: uris("http://127.0.0.1/cb"), SectorIdentifierURI: uri("")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SectorIdentifierURI: uri("")}, "request.invalid", false},
		{apps.UpdateAppOIDCRequest{SubjectType: &public, SectorIdentifierURI: uri("")}, "", true},
		{apps.UpdateAppOIDCRequest{RedirectURIs: uris("https://c.example/cb")}, "", false},
	} {
		before := epoch()
		wantCode(t, update(c.in), c.code)
		if raised := epoch() != before; raised != c.raise {
			t.Errorf("%+v: ended what was issued: %v", c.in, raised)
		}
	}
}
