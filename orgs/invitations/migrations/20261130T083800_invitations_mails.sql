-- The mails of invitations within the hour, which are counted whatever became of the invitation and of its organization.
CREATE TABLE invitation_mails (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX invitation_mails_to ON invitation_mails (tenant_id, email_key, at);
CREATE INDEX invitation_mails_over ON invitation_mails (tenant_id, at);
SELECT infra.tenant_table('invitation_mails', false);
