-- One row per Idempotency-Key of the platform operator, written in the effect's own transaction, which is a tenant's. Who looks
-- for a key does not know the tenant: they are the installation's, and a tenant's transaction adds one and reads none.
CREATE TABLE operator_keys (
    key          text PRIMARY KEY,
    operation    text NOT NULL,
    request_hash bytea NOT NULL,
    subject      text NOT NULL,
    created_at   timestamptz NOT NULL
);
CREATE INDEX operator_keys_by_time ON operator_keys (created_at);
GRANT INSERT ON operator_keys TO grove_app;
GRANT SELECT, DELETE ON operator_keys TO grove_system;
