-- grove_system may read the built-in definitions of all tenants and add to them: a new version of the program brings
-- new permissions.
CREATE TABLE api_resources (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    identifier text COLLATE "C" NOT NULL, -- becomes aud
    name       text NOT NULL,
    name_key   text COLLATE "C" NOT NULL,
    requires_authorization boolean NOT NULL DEFAULT true, -- a user's token gets a scope only by a role
    builtin    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT api_resources_identifier UNIQUE (tenant_id, identifier)
);
CREATE INDEX api_resources_by_org ON api_resources (tenant_id, org_id, name_key, id);
CREATE INDEX api_resources_builtin ON api_resources (tenant_id, id) WHERE builtin;
SELECT infra.tenant_table('api_resources');
SELECT infra.system_table('api_resources', 'SELECT');

-- A scope name means one thing in a tenant.
CREATE TABLE api_scopes (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    org_id       uuid NOT NULL,
    resource_id  uuid NOT NULL,
    name         text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    description  text NOT NULL DEFAULT '',
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, resource_id) REFERENCES api_resources (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT api_scopes_name UNIQUE (tenant_id, name)
);
CREATE INDEX api_scopes_by_resource ON api_scopes (tenant_id, resource_id, name);
SELECT infra.tenant_table('api_scopes');
SELECT infra.system_table('api_scopes', 'SELECT, INSERT');

CREATE TABLE roles (
    tenant_id     uuid NOT NULL,
    id            uuid NOT NULL,
    org_id        uuid NOT NULL, -- where it is defined; descendants may inherit it
    name          text NOT NULL,
    name_key      text COLLATE "C" NOT NULL,
    description   text NOT NULL DEFAULT '',
    audience_type text NOT NULL CHECK (audience_type IN ('application', 'organization')),
    audience_id   uuid NOT NULL, -- the app, or the organization of definition; immutable
    builtin       boolean NOT NULL DEFAULT false,
    created_at    timestamptz NOT NULL,
    updated_at    timestamptz NOT NULL,
    version       bigint NOT NULL DEFAULT 1,
    sys_from      timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT roles_name UNIQUE (tenant_id, org_id, audience_type, audience_id, name_key)
);
CREATE INDEX roles_builtin ON roles (tenant_id, name_key, id) WHERE builtin;
CREATE INDEX roles_by_audience ON roles (tenant_id, audience_id);
CREATE INDEX roles_by_org ON roles (tenant_id, org_id, name_key, id);
SELECT infra.tenant_table('roles');
SELECT infra.system_table('roles', 'SELECT');
SELECT infra.keep_history('roles');

CREATE TABLE role_permissions (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    org_id    uuid NOT NULL,
    role_id   uuid NOT NULL,
    scope_id  uuid NOT NULL,
    sys_from  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, scope_id) REFERENCES api_scopes (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT role_permissions_once UNIQUE (tenant_id, role_id, scope_id)
);
CREATE INDEX role_permissions_by_scope ON role_permissions (tenant_id, scope_id);
SELECT infra.tenant_table('role_permissions');
SELECT infra.system_table('role_permissions', 'SELECT, INSERT');
SELECT infra.keep_history('role_permissions');

CREATE TABLE role_assignments (
    tenant_id      uuid NOT NULL,
    id             uuid NOT NULL,
    org_id         uuid NOT NULL, -- where the role is held, which need not be where it is defined
    role_id        uuid NOT NULL,
    principal_kind text NOT NULL CHECK (principal_kind IN ('user', 'group')),
    principal_id   uuid NOT NULL,
    reach          text NOT NULL CHECK (reach IN ('org', 'subtree')),
    created_at     timestamptz NOT NULL,
    sys_from       timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, role_id) REFERENCES roles (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT role_assignments_once UNIQUE (tenant_id, org_id, role_id, principal_kind, principal_id)
);
CREATE INDEX role_assignments_by_principal ON role_assignments (tenant_id, principal_id, org_id);
CREATE INDEX role_assignments_by_role ON role_assignments (tenant_id, role_id, org_id, id);
SELECT infra.tenant_table('role_assignments');
SELECT infra.keep_history('role_assignments');
