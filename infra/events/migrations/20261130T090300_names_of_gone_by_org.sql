-- Who left an organization without being deleted has a name there too: one row for each organization that somebody is gone from.
ALTER TABLE names_of_gone ADD COLUMN elsewhere boolean NOT NULL DEFAULT false; -- left; lives, or lived, in another organization
ALTER TABLE names_of_gone DROP CONSTRAINT names_of_gone_pkey, ADD PRIMARY KEY (tenant_id, id, org_id);
GRANT SELECT (org_id) ON names_of_gone TO grove_system;
