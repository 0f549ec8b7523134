-- The one link by which a person may choose a password.
CREATE TABLE password_links (
    tenant_id   uuid NOT NULL,
    user_id     uuid NOT NULL,
    org_id      uuid NOT NULL, -- the person's resident organization
    id          uuid NOT NULL, -- of this link; a mailed one is derived from it
    token_hash  bytea NOT NULL,
    delivery    text NOT NULL CHECK (delivery IN ('email', 'link')),
    email_key   text COLLATE "C" NOT NULL DEFAULT '', -- where it was mailed to: who uses it has proved the address
    expires_at  timestamptz, -- NULL: never
    created_at  timestamptz NOT NULL,
    mails       int NOT NULL DEFAULT 0, -- sent since mails_since
    mails_since timestamptz NOT NULL,
    ended       boolean NOT NULL DEFAULT false, -- used or taken back; the row goes on counting mails
    PRIMARY KEY (tenant_id, user_id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT password_links_token UNIQUE (tenant_id, token_hash)
);
SELECT infra.tenant_table('password_links');
