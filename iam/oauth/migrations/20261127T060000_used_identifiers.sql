-- Identifiers that may be used once: jti of client assertions (RFC 7523) and of DPoP proofs (RFC 9449).
CREATE TABLE used_identifiers (
    tenant_id  uuid NOT NULL,
    hash       bytea NOT NULL, -- SHA-256 of whose it is, and of the identifier
    expires_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash)
);
CREATE INDEX used_identifiers_by_expiry ON used_identifiers (expires_at);
SELECT infra.tenant_table('used_identifiers');
SELECT infra.system_table('used_identifiers', 'SELECT, DELETE');
