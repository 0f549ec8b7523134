CREATE TABLE tenants (
    tenant_id   uuid PRIMARY KEY,
    handle      text COLLATE "C" NOT NULL UNIQUE CHECK (handle ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name        text NOT NULL,
    root_org_id uuid NOT NULL,
    status      text NOT NULL CHECK (status IN ('active', 'suspended', 'erasing')),
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1
);
-- A tenant sees its own line only, and is founded from within; the directory across tenants is the system's.
SELECT infra.tenant_table('tenants', false, 'SELECT, INSERT');
SELECT infra.system_table('tenants', 'SELECT, INSERT, UPDATE, DELETE');

-- A host belongs to one tenant of the installation: global on purpose.
CREATE TABLE tenant_hosts (
    host       text COLLATE "C" PRIMARY KEY,
    tenant_id  uuid NOT NULL REFERENCES tenants ON DELETE CASCADE,
    created_at timestamptz NOT NULL
);
CREATE INDEX tenant_hosts_by_tenant ON tenant_hosts (tenant_id);
SELECT infra.tenant_table('tenant_hosts', false, 'SELECT');
SELECT infra.system_table('tenant_hosts', 'SELECT, INSERT, UPDATE, DELETE');
