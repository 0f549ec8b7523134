-- Which attribute of a person an OpenID Connect claim tells, and which claims a scope asks for: docs/adr/0020.
CREATE TABLE oidc_claims (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL, -- who defines it: it is there in this organization and below
    name       text COLLATE "C" NOT NULL,
    attribute  text COLLATE "C" NOT NULL, -- of the profile, or attributes.NAME for one of the tenant's own
    type       text NOT NULL CHECK (type IN ('boolean', 'list', 'number', 'object', 'text')),
    display_name text NOT NULL,
    self_service boolean NOT NULL, -- people fill it in themselves where an app needs it
    builtin    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT oidc_claims_name UNIQUE (tenant_id, name),
    CONSTRAINT oidc_claims_attribute UNIQUE (tenant_id, org_id, attribute)
);
CREATE INDEX oidc_claims_by_org ON oidc_claims (tenant_id, org_id, name);
SELECT infra.tenant_table('oidc_claims');

CREATE TABLE oidc_scopes (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    name       text COLLATE "C" NOT NULL,
    display_name text NOT NULL,
    description text NOT NULL,
    claims     text[] NOT NULL, -- names, sorted
    builtin    boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT oidc_scopes_name UNIQUE (tenant_id, name)
);
CREATE INDEX oidc_scopes_by_org ON oidc_scopes (tenant_id, org_id, name);
SELECT infra.tenant_table('oidc_scopes');

-- seed_oidc_dialect gives a tenant the claims of OpenID Connect Core 1.0, section 5.1, and the scopes of section 5.4.
CREATE FUNCTION seed_oidc_dialect(tenant uuid, root uuid, at timestamptz) RETURNS void LANGUAGE sql AS $$
    INSERT INTO oidc_claims (tenant_id, id, org_id, name, attribute, type, display_name, self_service, builtin, created_at, updated_at)
    SELECT tenant, gen_random_uuid(), root, c.name, c.attribute, c.type, c.display_name, c.self_service, true, at, at
    FROM (VALUES
        ('address', 'address', 'object', 'Postal address', false),
        ('birthdate', 'attributes.birthdate', 'text', 'Birthday', true),
        ('email', 'email', 'text', 'E-mail address', false),
        ('email_verified', 'email_verified', 'boolean', 'E-mail address is verified', false),
        ('family_name', 'family_name', 'text', 'Family name', true),
        ('gender', 'attributes.gender', 'text', 'Gender', true),
        ('given_name', 'given_name', 'text', 'Given name', true),
        ('groups', 'groups', 'list', 'Groups', false),
        ('locale', 'locale', 'text', 'Language', false),
        ('middle_name', 'attributes.middle_name', 'text', 'Middle name', true),
        ('name', 'display_name', 'text', 'Full name', false),
        ('nickname', 'attributes.nickname', 'text', 'Nickname', true),
        ('phone_number', 'attributes.phone_number', 'text', 'Phone number', true),
        ('phone_number_verified', 'phone_number_verified', 'boolean', 'Phone number is verified', false),
        ('picture', 'attributes.picture', 'text', 'Picture', true),
        ('preferred_username', 'username', 'text', 'Username', false),
        ('profile', 'attributes.profile', 'text', 'Profile page', true),
        ('roles', 'roles', 'list', 'Roles', false),
        ('updated_at', 'updated_at', 'number', 'Last change of the profile', false),
        ('website', 'attributes.website', 'text', 'Website', true),
        ('zoneinfo', 'attributes.zoneinfo', 'text', 'Time zone', true)
    ) AS c (name, attribute, type, display_name, self_service);
    INSERT INTO oidc_scopes (tenant_id, id, org_id, name, display_name, description, claims, builtin, created_at, updated_at)
    SELECT tenant, gen_random_uuid(), root, s.name, s.display_name, '', s.claims, true, at, at
    FROM (VALUES
        ('address', 'Postal address', ARRAY['address']),
        ('email', 'E-mail address', ARRAY['email', 'email_verified']),
        ('groups', 'Groups', ARRAY['groups']),
        ('openid', 'Sign-in', ARRAY[]::text[]),
        ('phone', 'Phone number', ARRAY['phone_number', 'phone_number_verified']),
        ('profile', 'Profile', ARRAY['birthdate', 'family_name', 'gender', 'given_name', 'locale', 'middle_name', 'name', 'nickname', 'picture',
            'preferred_username', 'profile', 'updated_at', 'website', 'zoneinfo']),
        ('roles', 'Roles', ARRAY['roles'])
    ) AS s (name, display_name, claims);
$$;

-- The owner has to see the rows of all tenants for once.
ALTER TABLE tenants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE oidc_claims NO FORCE ROW LEVEL SECURITY;
ALTER TABLE oidc_scopes NO FORCE ROW LEVEL SECURITY;
SELECT seed_oidc_dialect(tenant_id, root_org_id, now()) FROM tenants;
ALTER TABLE tenants FORCE ROW LEVEL SECURITY;
ALTER TABLE oidc_claims FORCE ROW LEVEL SECURITY;
ALTER TABLE oidc_scopes FORCE ROW LEVEL SECURITY;
