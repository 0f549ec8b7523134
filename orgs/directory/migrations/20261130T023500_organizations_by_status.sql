-- The list of those of one status, by name.
CREATE INDEX organizations_by_status ON organizations (tenant_id, status, name_key, id);
