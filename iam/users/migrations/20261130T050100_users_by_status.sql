-- The list of those of one status, by username.
CREATE INDEX users_by_status ON users (tenant_id, org_id, status, username_key);
