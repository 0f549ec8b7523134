-- All that go with their organization, ended ones too.
CREATE INDEX sessions_of_org ON sessions (tenant_id, org_id);
