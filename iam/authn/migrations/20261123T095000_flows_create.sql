-- One run of sign-in: any node continues it. What was proven is sealed; the browser is known by a hash.
CREATE TABLE flows (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    app_id       uuid NOT NULL,
    step         text NOT NULL,
    sealed       bytea NOT NULL,
    browser_hash bytea NOT NULL,
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz NOT NULL,
    completed_at timestamptz,
    version      bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id)
);
SELECT infra.tenant_table('flows');

-- The sweep crosses tenants and sees no more than it needs to find what is old.
CREATE INDEX flows_by_expiry ON flows (expires_at);
SELECT infra.system_table('flows', 'SELECT (tenant_id, id, expires_at), DELETE');
