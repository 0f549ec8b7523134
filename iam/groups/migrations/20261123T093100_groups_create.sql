CREATE TABLE groups (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL,
    name        text NOT NULL,
    name_key    text COLLATE "C" NOT NULL,
    description text NOT NULL DEFAULT '',
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    sys_from    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    UNIQUE (tenant_id, org_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT groups_name UNIQUE (tenant_id, org_id, name_key)
);
SELECT infra.tenant_table('groups');
SELECT infra.keep_history('groups');

CREATE TABLE group_members (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    org_id    uuid NOT NULL,
    group_id  uuid NOT NULL,
    user_id   uuid NOT NULL,
    added_at  timestamptz NOT NULL,
    sys_from  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id, group_id) REFERENCES groups (tenant_id, org_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT group_members_once UNIQUE (tenant_id, group_id, user_id)
);
CREATE INDEX group_members_by_user ON group_members (tenant_id, user_id, org_id);
SELECT infra.tenant_table('group_members');
SELECT infra.keep_history('group_members');
