-- Authorization details types (RFC 9396). A type means one thing in a tenant.
CREATE TABLE authorization_details_types (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL, -- that defines the API resource
    resource_id uuid NOT NULL,
    type        text COLLATE "C" NOT NULL,
    name        text NOT NULL,
    description text NOT NULL DEFAULT '',
    schema      jsonb NOT NULL, -- JSON Schema, draft 2020-12
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES api_resources (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT authorization_details_types_type UNIQUE (tenant_id, type)
);
CREATE INDEX authorization_details_types_by_org ON authorization_details_types (tenant_id, org_id, type);
CREATE INDEX authorization_details_types_by_resource ON authorization_details_types (tenant_id, resource_id, type);
SELECT infra.tenant_table('authorization_details_types');
