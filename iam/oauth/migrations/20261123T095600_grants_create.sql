-- A grant is the family of the codes and tokens that one authorization led to.
CREATE TABLE grants (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL, -- the one organization that its tokens name
    user_id    uuid NOT NULL,
    app_id     uuid NOT NULL,
    session_id uuid, -- null: outlives the session (offline_access)
    issuer     text NOT NULL,
    scopes     text[] NOT NULL,
    nonce      text NOT NULL DEFAULT '',
    amr        text[] NOT NULL,
    auth_time  timestamptz NOT NULL,
    stamp      bigint NOT NULL, -- see db.Stamp
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX grants_by_user ON grants (tenant_id, user_id, id);
CREATE INDEX grants_by_session ON grants (tenant_id, session_id) WHERE session_id IS NOT NULL;
CREATE INDEX grants_by_app ON grants (tenant_id, app_id, id);
CREATE INDEX grants_by_expiry ON grants (tenant_id, expires_at);
SELECT infra.tenant_table('grants');

CREATE TABLE authorization_codes (
    tenant_id      uuid NOT NULL,
    hash           bytea NOT NULL,
    org_id         uuid NOT NULL,
    grant_id       uuid NOT NULL,
    redirect_uri   text NOT NULL,
    code_challenge text NOT NULL, -- S256; '' for a confidential client that sent none
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (tenant_id, expires_at);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (tenant_id, grant_id);
SELECT infra.tenant_table('authorization_codes');

CREATE TABLE refresh_tokens (
    tenant_id  uuid NOT NULL,
    hash       bytea NOT NULL,
    org_id     uuid NOT NULL,
    grant_id   uuid NOT NULL,
    generation int NOT NULL,
    expires_at timestamptz NOT NULL,
    used_at    timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (tenant_id, grant_id, generation);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (tenant_id, expires_at);
SELECT infra.tenant_table('refresh_tokens');
