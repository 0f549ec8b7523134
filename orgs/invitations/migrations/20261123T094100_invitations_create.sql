CREATE TABLE invitations (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL,
    email       text NOT NULL,
    email_key   text COLLATE "C" NOT NULL,
    state       text NOT NULL CHECK (state IN ('pending', 'accepted', 'expired', 'revoked')), -- pending past expires_at is expired as well
    token_hash  bytea NOT NULL,
    generation  int NOT NULL DEFAULT 1, -- of the token: each sending kills the one before
    roles       uuid[] NOT NULL,
    locale      text NOT NULL DEFAULT '',
    inviter     text NOT NULL, -- name shown in the mail
    expires_at  timestamptz NOT NULL,
    user_id     uuid, -- who accepted
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    version     bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE SET NULL (user_id),
    CONSTRAINT invitations_token UNIQUE (tenant_id, token_hash)
);
CREATE UNIQUE INDEX invitations_one_pending ON invitations (tenant_id, org_id, email_key) WHERE state = 'pending';
CREATE INDEX invitations_by_org ON invitations (tenant_id, org_id, id);
SELECT infra.tenant_table('invitations');
