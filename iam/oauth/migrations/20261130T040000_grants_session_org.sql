-- The organization in which the session of a grant began, if it is another than the grant's.
ALTER TABLE grants ADD COLUMN session_org_id uuid CHECK (session_org_id <> org_id);
-- The owner has to see the rows of all tenants for once.
ALTER TABLE grants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions NO FORCE ROW LEVEL SECURITY;
UPDATE grants g SET session_org_id = s.org_id FROM sessions s WHERE s.tenant_id = g.tenant_id AND s.id = g.session_id AND s.org_id <> g.org_id;
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
