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

-- The apps that are shared with an organization, and whether their roles go along: the one resolver of shares. Postgres
-- expands it into the query that uses it. An app is never shared with its owner, whose own it is.
CREATE FUNCTION infra.shared_apps(tenant uuid, org uuid) RETURNS TABLE (app_id uuid, owner_id uuid, with_roles boolean)
LANGUAGE sql STABLE PARALLEL SAFE AS $$
    SELECT s.app_id, s.org_id, s.share_roles = 'all'
    FROM grove.org_closure c
    JOIN grove.app_shares s ON s.tenant_id = c.tenant_id AND s.org_id = c.ancestor_id
    WHERE c.tenant_id = tenant AND c.descendant_id = org AND c.depth > 0 AND (
        s.policy = 'all'
        OR s.policy = 'selected' AND EXISTS (
            SELECT FROM grove.app_share_targets t
            WHERE t.tenant_id = s.tenant_id AND t.app_id = s.app_id AND t.target_id = org)
        OR s.policy = 'subtree' AND EXISTS (
            SELECT FROM grove.org_closure u
            JOIN grove.app_share_targets t ON t.tenant_id = u.tenant_id AND t.target_id = u.ancestor_id
            WHERE u.tenant_id = s.tenant_id AND u.descendant_id = org AND t.app_id = s.app_id))
$$;
