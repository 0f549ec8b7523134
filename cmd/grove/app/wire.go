package app

import (
	"context"
	"errors"

	"github.com/go-chi/chi/v5"

	"grove/billing/metering"
	"grove/frontend"
	"grove/frontend/hosted"
	"grove/iam/account"
	"grove/iam/apps"
	"grove/iam/authn"
	"grove/iam/authz"
	"grove/iam/consents"
	"grove/iam/groups"
	"grove/iam/oauth"
	"grove/iam/sessions"
	"grove/iam/users"
	"grove/infra/audit"
	"grove/infra/db"
	"grove/infra/events"
	"grove/infra/httpapi"
	"grove/infra/jobs"
	"grove/infra/kernel/fault"
	"grove/infra/kernel/ids"
	"grove/infra/secrets"
	"grove/infra/secrets/password"
	orgdir "grove/orgs/directory"
	"grove/orgs/domains"
	"grove/orgs/invitations"
	"grove/orgs/members"
	"grove/orgs/sharing"
	"grove/provisioning/notifications"
	tenantdir "grove/tenants/directory"
	"grove/tenants/keys"
	"grove/tenants/settings"
)

// Parts are the capabilities that the command, or a test, talks to directly.
type Parts struct {
	Apps    *apps.Service
	Authz   *authz.Service
	Domains *domains.Service
	Keys    *keys.Service
	Members *members.Service
	OAuth   *oauth.Service
	Orgs    *orgdir.Service
	Tenants *tenantdir.Service
	Users   *users.Service
}

// directory answers the API's questions about tenants and organizations from the two directories.
type directory struct {
	*tenantdir.Service
	orgs *orgdir.Service
}

func (d directory) Org(ctx context.Context, t httpapi.Tenant, ref string) (httpapi.Org, error) {
	return d.orgs.Resolve(ctx, t, ref)
}
