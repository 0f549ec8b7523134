CREATE TABLE users (
    tenant_id      uuid NOT NULL,
    id             uuid NOT NULL,
    org_id         uuid NOT NULL, -- the resident organization
    username       text NOT NULL,
    username_key   text COLLATE "C" NOT NULL,
    email          text NOT NULL DEFAULT '',
    email_key      text COLLATE "C" NOT NULL DEFAULT '',
    email_verified boolean NOT NULL DEFAULT false,
    given_name     text NOT NULL DEFAULT '',
    family_name    text NOT NULL DEFAULT '',
    locale         text NOT NULL DEFAULT '',
    status         text NOT NULL CHECK (status IN ('active', 'disabled')),
    attributes     jsonb NOT NULL DEFAULT '{}',
    created_at     timestamptz NOT NULL,
    updated_at     timestamptz NOT NULL,
    version        bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id),
    CONSTRAINT users_username UNIQUE (tenant_id, org_id, username_key)
);
CREATE INDEX users_by_username ON users (tenant_id, username_key);
CREATE INDEX users_by_email ON users (tenant_id, email_key) WHERE email_key <> '';
CREATE INDEX users_by_org_email ON users (tenant_id, org_id, email_key);
SELECT infra.tenant_table('users');

-- Credentials are apart, so that no list of people can carry a hash.
CREATE TABLE passwords (
    tenant_id  uuid NOT NULL,
    user_id    uuid NOT NULL,
    org_id     uuid NOT NULL,
    phc        text NOT NULL,
    must_change boolean NOT NULL DEFAULT false,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT infra.tenant_table('passwords');

-- One counter for an account, whatever the channel (attack class 29).
CREATE TABLE sign_in_failures (
    tenant_id    uuid NOT NULL,
    user_id      uuid NOT NULL,
    org_id       uuid NOT NULL,
    failures     int NOT NULL DEFAULT 0,
    locks        int NOT NULL DEFAULT 0,
    locked_until timestamptz,
    failed_at    timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
SELECT infra.tenant_table('sign_in_failures');
