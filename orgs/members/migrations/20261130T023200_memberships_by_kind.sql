-- The list of one kind, and the guests among whom a search looks.
CREATE INDEX memberships_by_kind ON memberships (tenant_id, org_id, kind, id);
