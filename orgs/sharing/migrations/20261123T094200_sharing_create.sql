-- A share is a stored policy, resolved against the tree when it is asked: docs/adr/0006-dynamic-sharing.md.
CREATE TABLE app_shares (
    tenant_id  uuid NOT NULL,
    app_id     uuid NOT NULL,
    org_id     uuid NOT NULL, -- the app's owner, below which it is shared
    policy     text NOT NULL CHECK (policy IN ('none', 'all', 'selected', 'subtree')),
    share_roles text NOT NULL CHECK (share_roles IN ('all', 'none')),
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, app_id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX app_shares_by_org ON app_shares (tenant_id, org_id);
SELECT infra.tenant_table('app_shares', false);

-- The organizations of the policies selected and subtree.
CREATE TABLE app_share_targets (
    tenant_id uuid NOT NULL,
    app_id    uuid NOT NULL,
    target_id uuid NOT NULL,
    PRIMARY KEY (tenant_id, app_id, target_id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES app_shares (tenant_id, app_id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, target_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX app_share_targets_by_target ON app_share_targets (tenant_id, target_id);
SELECT infra.tenant_table('app_share_targets', false);
