-- All scopes that an organization defines, by name.
CREATE INDEX api_scopes_by_org ON api_scopes (tenant_id, org_id, name);
