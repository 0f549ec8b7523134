-- An e-mail domain belongs to one organization of a tenant.
CREATE TABLE org_domains (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL,
    name        text COLLATE "C" NOT NULL, -- lower case, punycode
    verified_at timestamptz, -- null: mapped by an administrator of an ancestor, not proven by DNS
    created_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT org_domains_name UNIQUE (tenant_id, name)
);
CREATE INDEX org_domains_by_org ON org_domains (tenant_id, org_id, name);
SELECT infra.tenant_table('org_domains');
