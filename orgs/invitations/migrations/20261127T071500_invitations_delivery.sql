-- How an invitation reaches its person, how long it lasts, and which groups he joins.
ALTER TABLE invitations
    ADD COLUMN delivery text NOT NULL DEFAULT 'email' CHECK (delivery IN ('email', 'link')),
    ADD COLUMN groups uuid[] NOT NULL DEFAULT '{}',
    ADD COLUMN life_minutes int NOT NULL DEFAULT 0, -- of each sending; 0: the installation's, -1: for ever
    ALTER COLUMN expires_at DROP NOT NULL; -- NULL: never

CREATE INDEX invitations_by_address ON invitations (tenant_id, email_key, updated_at);
