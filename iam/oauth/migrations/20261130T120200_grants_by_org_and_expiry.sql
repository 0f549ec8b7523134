-- Those of an organization that expired before its own time; and, as before, all that go with it.
CREATE INDEX grants_by_org_and_expiry ON grants (tenant_id, org_id, expires_at);
DROP INDEX grants_by_org;
