CREATE TABLE sessions (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    org_id       uuid NOT NULL, -- where the person signed in
    user_id      uuid NOT NULL,
    secret_hash  bytea NOT NULL,
    amr          text[] NOT NULL,
    auth_time    timestamptz NOT NULL,
    stamp        bigint NOT NULL,
    user_agent   text NOT NULL DEFAULT '',
    address      text NOT NULL DEFAULT '',
    created_at   timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    ended_at     timestamptz,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT sessions_secret UNIQUE (tenant_id, secret_hash)
);
CREATE INDEX sessions_by_user ON sessions (tenant_id, user_id, id);
CREATE INDEX sessions_by_org ON sessions (tenant_id, org_id, id) WHERE ended_at IS NULL;
SELECT infra.tenant_table('sessions');

-- The sweep crosses tenants and sees no more than it needs to find what is old.
CREATE INDEX sessions_by_expiry ON sessions (expires_at);
SELECT infra.system_table('sessions', 'SELECT (tenant_id, id, expires_at), DELETE');
