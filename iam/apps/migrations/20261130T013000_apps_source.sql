-- Who made an app: an administrator, the app itself (RFC 7591), or a document at its client_id: docs/adr/0016.
ALTER TABLE apps ADD COLUMN source text NOT NULL DEFAULT 'managed' CHECK (source IN ('managed', 'registered', 'document'));

-- An app that names itself does not know which names are taken.
ALTER TABLE apps DROP CONSTRAINT apps_name;
CREATE UNIQUE INDEX apps_name ON apps (tenant_id, org_id, name_key) WHERE source = 'managed';
