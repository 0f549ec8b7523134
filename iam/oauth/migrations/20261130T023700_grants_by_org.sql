-- Those that go with their organization.
CREATE INDEX grants_by_org ON grants (tenant_id, org_id);
