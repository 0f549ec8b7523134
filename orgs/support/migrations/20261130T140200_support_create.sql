-- An organization lets those above it act as its people and those below it, for a time.
CREATE TABLE support_access (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    mode       text NOT NULL CHECK (mode IN ('read_only', 'full')),
    reason     text NOT NULL,
    opened_by  uuid NOT NULL, -- a user, who may be gone by now
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    closed_at  timestamptz, -- before its time
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX support_access_by_org ON support_access (tenant_id, org_id, id DESC);
SELECT infra.tenant_table('support_access');
