-- Who belongs to which organization. The resident one is a membership too.
CREATE TABLE memberships (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('resident', 'invited', 'shared')),
    created_at timestamptz NOT NULL,
    sys_from   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT memberships_once UNIQUE (tenant_id, org_id, user_id)
);
CREATE INDEX memberships_by_org ON memberships (tenant_id, org_id, id);
CREATE INDEX memberships_by_user ON memberships (tenant_id, user_id, org_id);
SELECT infra.tenant_table('memberships');
SELECT infra.keep_history('memberships');
