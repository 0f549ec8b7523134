-- A tenant's data keys, wrapped with the root key. Erasing a tenant destroys them first, and with them every sealed value.
CREATE TABLE data_keys (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    wrapped    bytea NOT NULL,
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
SELECT infra.tenant_table('data_keys', false);

CREATE TABLE signing_keys (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    kid        text COLLATE "C" NOT NULL,
    alg        text NOT NULL CHECK (alg IN ('ES256', 'EdDSA', 'RS256', 'PS256')),
    public_jwk jsonb NOT NULL,
    sealed     bytea NOT NULL, -- PKCS #8 under the tenant's data key; empty once retired
    state      text NOT NULL CHECK (state IN ('next', 'active', 'previous', 'retired')),
    created_at timestamptz NOT NULL,
    state_at   timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, kid)
);
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (tenant_id, alg) WHERE state = 'active';
CREATE UNIQUE INDEX signing_keys_one_next ON signing_keys (tenant_id, alg) WHERE state = 'next';
SELECT infra.tenant_table('signing_keys', false);
