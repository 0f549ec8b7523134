-- Pushed authorization requests (RFC 9126), each good once and for a minute.
CREATE TABLE pushed_requests (
    tenant_id  uuid NOT NULL,
    hash       bytea NOT NULL,
    app_id     uuid NOT NULL,
    issuer     text NOT NULL,
    params     jsonb NOT NULL, -- pairs of name and value; no credential of the client
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX pushed_requests_by_expiry ON pushed_requests (expires_at);
CREATE INDEX pushed_requests_by_app ON pushed_requests (tenant_id, app_id);
SELECT infra.tenant_table('pushed_requests');
SELECT infra.system_table('pushed_requests', 'SELECT, DELETE');
