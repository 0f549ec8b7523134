-- Initial access tokens (RFC 7591, section 1.2): who holds one may register apps.
CREATE TABLE registration_tokens (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    name       text NOT NULL,
    hash       bytea NOT NULL, -- SHA-256 of a server-made token
    hint       text NOT NULL, -- its last four characters
    uses_left  int CHECK (uses_left >= 0), -- NULL: any number
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT registration_tokens_hash UNIQUE (tenant_id, hash)
);
CREATE INDEX registration_tokens_by_org ON registration_tokens (tenant_id, org_id, id);
SELECT infra.tenant_table('registration_tokens');
SELECT infra.system_table('registration_tokens', 'SELECT (expires_at), DELETE');

-- Apps that registered themselves: what of their metadata is only shown, and the token with which they manage it (RFC 7592).
CREATE TABLE client_registrations (
    tenant_id  uuid NOT NULL,
    app_id     uuid NOT NULL,
    org_id     uuid NOT NULL,
    provisional boolean NOT NULL, -- nobody's token was needed, and no person has been seen to let it in
    token_hash bytea NOT NULL, -- SHA-256 of the registration access token
    metadata   jsonb NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, app_id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX client_registrations_provisional ON client_registrations (tenant_id, org_id, created_at) WHERE provisional;
SELECT infra.tenant_table('client_registrations');
SELECT infra.system_table('client_registrations', 'SELECT (tenant_id, org_id, app_id, provisional, created_at)');

-- Apps that are described by what is published at their client_id, and until when that is believed.
CREATE TABLE client_documents (
    tenant_id  uuid NOT NULL,
    app_id     uuid NOT NULL,
    org_id     uuid NOT NULL,
    url        text COLLATE "C" NOT NULL, -- the client_id
    read_at    timestamptz NOT NULL,
    fresh_until timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, app_id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT client_documents_url UNIQUE (tenant_id, url)
);
SELECT infra.tenant_table('client_documents');
