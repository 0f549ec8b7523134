CREATE TABLE tenants (
    tenant_id   uuid PRIMARY KEY,
    handle      text COLLATE "C" NOT NULL CHECK (handle ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name        text NOT NULL,
    name_key    text COLLATE "C" NOT NULL, -- the name, normalised for search
    root_org_id uuid NOT NULL,
    status      text NOT NULL CHECK (status IN ('active', 'suspended', 'erasing')),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    CONSTRAINT tenants_handle UNIQUE (handle) -- of the installation: global on purpose
);
CREATE INDEX tenants_by_name ON tenants (name_key);
-- A tenant sees its own line only, and is founded, renamed, suspended and resumed from within, so that each is one
-- transaction with its event. Finding a tenant, and erasing it, is the system's.
SELECT infra.tenant_table('tenants', false, 'SELECT, INSERT, UPDATE (name, name_key, status, updated_at, version)');
SELECT infra.system_table('tenants', 'SELECT, DELETE');

-- A host belongs to one tenant of the installation: global on purpose.
CREATE TABLE tenant_hosts (
    host       text COLLATE "C" PRIMARY KEY, -- lower case, punycode, with the port where it is not the scheme's own
    tenant_id  uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX tenant_hosts_by_tenant ON tenant_hosts (tenant_id, host);
SELECT infra.tenant_table('tenant_hosts', false, 'SELECT, INSERT, DELETE');
SELECT infra.system_table('tenant_hosts', 'SELECT, DELETE');
