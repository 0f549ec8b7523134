-- The mails within the hour that somebody had sent to an address: they count whatever becomes of what they told, and of its organization.
CREATE TABLE mails_sent (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    email_key text COLLATE "C" NOT NULL,
    at        timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX mails_sent_to ON mails_sent (tenant_id, email_key, at);
CREATE INDEX mails_sent_over ON mails_sent (tenant_id, at);
SELECT infra.tenant_table('mails_sent');
