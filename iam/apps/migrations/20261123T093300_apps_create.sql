CREATE TABLE apps (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    org_id       uuid NOT NULL, -- the owner
    client_id    text COLLATE "C" NOT NULL,
    name         text NOT NULL,
    name_key     text COLLATE "C" NOT NULL,
    description  text NOT NULL DEFAULT '',
    template     text NOT NULL CHECK (template IN ('spa', 'web', 'mobile', 'm2m', 'standard')),
    logo_uri     text NOT NULL DEFAULT '',
    access_url   text NOT NULL DEFAULT '', -- where the app lives, for portals and mails
    client_type  text NOT NULL CHECK (client_type IN ('public', 'confidential')),
    builtin      boolean NOT NULL DEFAULT false, -- console, portal: cannot be changed or deleted
    enabled      boolean NOT NULL DEFAULT true,
    skip_consent boolean NOT NULL DEFAULT false,
    role_audience text NOT NULL DEFAULT 'application' CHECK (role_audience IN ('application', 'organization')),
    redirect_uris text[] NOT NULL DEFAULT '{}',
    post_logout_redirect_uris text[] NOT NULL DEFAULT '{}',
    allowed_origins text[] NOT NULL DEFAULT '{}',
    grant_types  text[] NOT NULL,
    access_token_seconds  int NOT NULL DEFAULT 0, -- 0: the installation's default
    refresh_token_seconds int NOT NULL DEFAULT 0,
    id_token_alg text NOT NULL DEFAULT 'ES256' CHECK (id_token_alg IN ('ES256', 'RS256', 'EdDSA', 'PS256')),
    created_at   timestamptz NOT NULL,
    updated_at   timestamptz NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT apps_client_id UNIQUE (tenant_id, client_id),
    CONSTRAINT apps_name UNIQUE (tenant_id, org_id, name_key)
);
SELECT infra.tenant_table('apps');
CREATE INDEX apps_with_origins ON apps (tenant_id) WHERE enabled AND allowed_origins <> '{}';
CREATE INDEX apps_builtin ON apps (tenant_id, id) WHERE builtin;
CREATE INDEX apps_by_org ON apps (tenant_id, org_id, name_key, id);

CREATE TABLE app_secrets (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    app_id     uuid NOT NULL,
    hash       bytea NOT NULL, -- SHA-256 of a server-made secret
    hint       text NOT NULL, -- its last four characters
    created_at timestamptz NOT NULL,
    expires_at timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX app_secrets_by_app ON app_secrets (tenant_id, app_id, id);
SELECT infra.tenant_table('app_secrets');

-- Which scopes of which API resource an app may ask for.
CREATE TABLE app_apis (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL,
    app_id      uuid NOT NULL,
    resource_id uuid NOT NULL,
    policy      text NOT NULL CHECK (policy IN ('rbac', 'none')),
    scopes      text[] NOT NULL, -- 'grove' among them: every scope of the management API, also future ones
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT app_apis_resource FOREIGN KEY (tenant_id, resource_id) REFERENCES api_resources (tenant_id, id),
    CONSTRAINT app_apis_once UNIQUE (tenant_id, app_id, resource_id)
);
CREATE INDEX app_apis_by_resource ON app_apis (tenant_id, resource_id);
SELECT infra.tenant_table('app_apis');
