-- What people let apps have in one organization, for its administrators.
CREATE INDEX consents_by_org ON consents (tenant_id, org_id, id);
