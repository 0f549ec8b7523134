package oauth

import (
	"context"
	"encoding/json"
	"errors"
	"slices"

	"grove/iam/apps"
	"grove/iam/authz/details"
	"grove/infra/httpapi"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
)

// Rich authorization requests (RFC 9396): a client says in JSON what it asks for, in details of types that an API defines. A detail is
// judged when it is asked for, shown to the person as it is, and kept with the grant; each token carries of the grant's details what
// the request names, what still fits its type, and what the person's roles still allow.
const (
	paramDetails = "authorization_details" // also the claim, and the member of responses

	maxTypesTold = 500 // of the metadata
)

var (
	errDetailsBeyond  = refuse(codeInvalidDetails, "authorization_details goes beyond what was granted.")
	errDetailsTarget  = refuse(codeInvalidDetails, "authorization_details is for another API than resource names.")
	errDetailsUnasked = refuse(codeInvalidDetails, "A person agrees to authorization_details when he signs in, and no assertion says that he did.")
	errDetailsType    = refuse(codeInvalidDetails, "authorization_details has a type that does not exist, or that this client may not ask for.")
)

// wish is what a request asks for in authorization_details.
type wish struct {
	said  bool // the parameter came; with an empty list it asks for nothing
	list  details.List
	types map[string]details.Type
}

// readDetails reads authorization_details of a client (section 2). resources are those that the request names beside it. Error:
// invalid_authorization_details (section 5), of one detail for all.
func (s *Service) readDetails(ctx context.Context, client apps.Client, p params, resources []string, of details.Request) (wish, error) {
	raw := p.get(paramDetails)
	if raw == "" {
		return wish{}, nil
	}
	list, err := details.Parse(raw)
	if err != nil {
		return wish{}, detailsRefused(err)
	}
	of.Tenant, of.ClientID = httpapi.TenantOf(ctx).ID, client.ClientID
	w := wish{said: true, list: list, types: map[string]details.Type{}}
	for _, kind := range list.Types() {
		api, ok := client.APIOfType(kind) // before anything is looked up: a stranger's types cost nothing
		switch {
		case !ok:
			return wish{}, errDetailsType
		case len(resources) > 0 && !contains(resources, api.Identifier):
			return wish{}, errDetailsTarget
		}
		if w.types[kind], err = s.detailsType(ctx, of.Tenant, kind); err != nil {
			return wish{}, err
		}
	}
	for _, d := range list {
		if err := w.types[d.Type()].Check(ctx, of, d); err != nil {
			return wish{}, detailsRefused(err)
		}
	}
	return w, nil
}

// askedDetails is readDetails of a request that begins something: the details are completed (section 7.1).
func (s *Service) askedDetails(ctx context.Context, client apps.Client, p params, resources []string, of details.Request) (wish, error) {
	w, err := s.readDetails(ctx, client, p, resources, of)
	if err != nil {
		return w, err
	}
	of.Tenant, of.ClientID = httpapi.TenantOf(ctx).ID, client.ClientID
	for i, d := range w.list {
		if w.list[i], err = w.types[d.Type()].Enrich(ctx, of, d); err != nil {
			return w, detailsRefused(err)
		}
	}
	if len(w.list.String()) > details.MaxBytes {
		return w, detailsRefused(details.ProblemEnriched)
	}
	return w, nil
}

// within are the details of a token: those that the request names, each no more than one that was granted (section 6), or all of them
// where it names none.
func (w wish) within(granted details.List) (details.List, error) {
	if !w.said {
		return granted, nil
	}
	for _, d := range w.list {
		if !slices.ContainsFunc(granted, func(g details.Detail) bool { return w.types[d.Type()].Subset(d, g) }) {
			return nil, errDetailsBeyond
		}
	}
	return w.list, nil
}

// detailsRefused is what a client is told of details that are no good. What is not their fault stays as it is.
func detailsRefused(err error) error {
	var p details.Problem
	if errors.As(err, &p) {
		return refuseBecause(codeInvalidDetails, p.Error(), err)
	}
	return err
}

// detailsType finds a type, and who knows it better than its schema.
func (s *Service) detailsType(ctx context.Context, tenant ids.Tenant, kind string) (details.Type, error) {
	of, err := s.types.Get(ctx, tenant.UUID(), kind, func(ctx context.Context) (details.Type, error) {
		return s.DetailsTypes.DetailsType(ctx, tenant, kind)
	})
	if fault.CodeNotFound.Is(err) {
		err = errDetailsType
	}
	of.Processor = s.Processors[kind]
	return of, err
}

// details are those of a grant.
func (g grant) details() (details.List, error) { return details.Parse(g.Details) }

// narrow reduces the details of the next token of a grant. The stored grant stays as it is: what is left out comes back at the next
// refresh, as with scopes.
func (g *grant) narrow(w wish) error {
	granted, err := g.details()
	if err != nil {
		return err
	}
	list, err := w.within(granted)
	if err != nil {
		return err
	}
	g.narrowed = g.narrowed || slices.ContainsFunc(granted, func(d details.Detail) bool {
		return !slices.ContainsFunc(list, func(l details.Detail) bool { return l.String() == d.String() })
	})
	g.Details = list.String()
	return nil
}

// givenDetails are those of a grant that a person's token may carry now: of types that the client may still ask for, where the person's
// roles still give something of the API, and of APIs that the token is for.
func givenDetails(client apps.Client, granted details.List, held map[string]bool, resources []string) details.List {
	return slices.DeleteFunc(granted, func(d details.Detail) bool {
		api, _ := client.APIOfType(d.Type())
		return !client.GivesType(d.Type(), held) || len(resources) > 0 && !contains(resources, api.Identifier)
	})
}

// settleDetails drops what does not fit its type any more, which may have changed since it was granted, and makes the token one for the
// APIs of what is left. It needs no transaction: nothing else depends on it.
func (s *Service) settleDetails(ctx context.Context, client apps.Client, p *person) error {
	of := details.Request{Tenant: httpapi.TenantOf(ctx).ID, ClientID: client.ClientID, Org: p.grant.Org, User: p.grant.User}
	var kept details.List
	for _, d := range p.details {
		typ, err := s.detailsType(ctx, of.Tenant, d.Type())
		if err == nil {
			err = typ.Check(ctx, of, d)
		}
		var no details.Problem
		switch {
		case err == nil:
			kept = append(kept, d)
		case !errors.Is(err, errDetailsType) && !errors.As(err, &no):
			return err
		}
	}
	p.details = kept
	p.audience = withAPIs(client, p.audience, kept)
	return nil
}

// withAPIs adds the APIs of details to those that a token is for.
func withAPIs(client apps.Client, audience []string, list details.List) []string {
	for _, kind := range list.Types() {
		if api, ok := client.APIOfType(kind); ok && !contains(audience, api.Identifier) {
			audience = append(audience, api.Identifier)
		}
	}
	return audience
}

// details adds authorization_details to a response or a token; nothing where there are none.
func (c claims) details(list details.List) claims {
	if len(list) == 0 {
		return c
	}
	return c.raw(paramDetails, []byte(list.String()))
}

// details are those of a token of ours.
func (a accessToken) details() (details.List, error) {
	raw, ok := a.claims.Get(paramDetails)
	if !ok {
		return nil, nil
	}
	list, err := details.Parse(string(raw))
	if err != nil {
		err = errToken // we signed it, by other limits
	}
	return list, err
}

// passedDetails are the details of a token that a client exchanges for another: of the first one's, those that the client may itself ask
// for and that are for the APIs named.
func passedDetails(client apps.Client, subject accessToken, resources []string) (details.List, error) {
	list, err := subject.details()
	return slices.DeleteFunc(list, func(d details.Detail) bool {
		api, ok := client.APIOfType(d.Type())
		return !ok || len(resources) > 0 && !contains(resources, api.Identifier)
	}), err
}

// DescribeDetails says to a person what details ask for, in the order of list.
func (s *Service) DescribeDetails(ctx context.Context, list details.List, locale string) ([]details.Description, error) {
	out := make([]details.Description, len(list))
	for i, d := range list {
		typ, err := s.detailsType(ctx, httpapi.TenantOf(ctx).ID, d.Type())
		if err == nil {
			out[i], err = typ.Describe(ctx, d, locale)
		}
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// typesTold is what ends the metadata of an issuer: authorization_details_types_supported (section 10), where there are any, of the
// organization and those above it. Others' are nobody's business.
func (s *Service) typesTold(ctx context.Context) ([]byte, error) {
	t := httpapi.TenantOf(ctx)
	org := httpapi.IssuerOf(ctx).Org.ID
	if org.IsZero() {
		org = t.Root
	}
	return s.told.Get(ctx, t.ID.UUID(), org.String(), func(ctx context.Context) ([]byte, error) {
		names, err := s.DetailsTypes.DetailsTypeNames(ctx, t.ID, org, maxTypesTold)
		if err != nil || len(names) == 0 {
			return nil, err // a list of nothing is left out (OpenID Connect Discovery 1.0, section 4.2)
		}
		list, err := json.Marshal(names)
		return append([]byte(`,"authorization_details_types_supported":`), list...), err
	})
}
