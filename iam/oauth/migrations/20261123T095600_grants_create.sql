-- A grant is the family of the codes and tokens that one authorization led to.
CREATE TABLE grants (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL, -- the one organization that its tokens name
    user_id    uuid NOT NULL,
    user_org_id uuid NOT NULL, -- the person's resident organization
    app_id     uuid NOT NULL,
    session_id uuid NOT NULL, -- of the sign-in
    offline    boolean NOT NULL, -- outlives the session (offline_access)
    issuer     text NOT NULL,
    scopes     text[] NOT NULL, -- what the client was granted; a token carries of it what holds when it is made
    nonce      text NOT NULL DEFAULT '',
    amr        text[] NOT NULL,
    auth_time  timestamptz NOT NULL,
    stamp      bigint NOT NULL, -- see db.Stamp
    generation int NOT NULL DEFAULT 0, -- of the newest refresh token; 0 before the first
    rotated_at timestamptz, -- when that generation began
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    ended_at   timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX grants_by_user ON grants (tenant_id, user_id, id);
CREATE INDEX grants_by_session ON grants (tenant_id, session_id);
CREATE INDEX grants_by_app ON grants (tenant_id, app_id, id);
CREATE INDEX grants_by_expiry ON grants (expires_at);
SELECT infra.tenant_table('grants');
SELECT infra.system_table('grants', 'SELECT, DELETE');

CREATE TABLE authorization_codes (
    tenant_id      uuid NOT NULL,
    hash           bytea NOT NULL,
    org_id         uuid NOT NULL,
    grant_id       uuid NOT NULL,
    redirect_uri   text NOT NULL,
    code_challenge text NOT NULL, -- S256
    expires_at     timestamptz NOT NULL,
    used_at        timestamptz,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX authorization_codes_by_expiry ON authorization_codes (expires_at);
CREATE INDEX authorization_codes_by_grant ON authorization_codes (tenant_id, grant_id);
SELECT infra.tenant_table('authorization_codes');
SELECT infra.system_table('authorization_codes', 'SELECT, DELETE');

-- A refresh token that was rotated stays, so that its use is noticed.
CREATE TABLE refresh_tokens (
    tenant_id  uuid NOT NULL,
    hash       bytea NOT NULL,
    org_id     uuid NOT NULL,
    grant_id   uuid NOT NULL,
    generation int NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX refresh_tokens_by_grant ON refresh_tokens (tenant_id, grant_id, generation);
CREATE INDEX refresh_tokens_by_expiry ON refresh_tokens (expires_at);
SELECT infra.tenant_table('refresh_tokens');
SELECT infra.system_table('refresh_tokens', 'SELECT, DELETE');
