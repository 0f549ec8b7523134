-- Issuers from outside whose assertions an organization takes as grants for its own people: docs/adr/0019.
CREATE TABLE token_issuers (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL, -- a connection's, as the revocation epochs know it
    org_id     uuid NOT NULL,
    name       text NOT NULL,
    name_key   text COLLATE "C" NOT NULL,
    format     text NOT NULL CHECK (format IN ('jwt', 'saml')),
    issuer     text COLLATE "C" NOT NULL, -- iss, or the entity ID
    enabled    boolean NOT NULL DEFAULT true,
    trust      jsonb NOT NULL CHECK (jsonb_typeof(trust) = 'object'),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT token_issuers_issuer UNIQUE (tenant_id, org_id, format, issuer),
    CONSTRAINT token_issuers_name UNIQUE (tenant_id, org_id, name_key)
);
SELECT infra.tenant_table('token_issuers');
