CREATE TABLE organizations (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    parent_id   uuid, -- null for the root, which is the tenant
    handle      text COLLATE "C" NOT NULL CHECK (handle ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name        text NOT NULL,
    name_key    text COLLATE "C" NOT NULL, -- the name, normalised for order and search
    description text NOT NULL DEFAULT '',
    status      text NOT NULL CHECK (status IN ('active', 'suspended')),
    attributes  jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, parent_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT organizations_handle UNIQUE (tenant_id, handle)
);
CREATE UNIQUE INDEX organizations_one_root ON organizations (tenant_id) WHERE parent_id IS NULL;
-- Also the order in which children are listed.
CREATE UNIQUE INDEX organizations_sibling_name ON organizations (tenant_id, parent_id, name_key);
CREATE INDEX organizations_by_name ON organizations (tenant_id, name_key, id);
SELECT infra.tenant_table('organizations', false);

-- Every pair of a node and one of its ancestors, itself included with depth 0.
CREATE TABLE org_closure (
    tenant_id     uuid NOT NULL,
    ancestor_id   uuid NOT NULL,
    descendant_id uuid NOT NULL,
    depth         int NOT NULL,
    PRIMARY KEY (tenant_id, descendant_id, ancestor_id),
    FOREIGN KEY (tenant_id, ancestor_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, descendant_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX org_closure_down ON org_closure (tenant_id, ancestor_id, descendant_id);
SELECT infra.tenant_table('org_closure', false);
