-- Roles that the root defines for the console or the account portal can be assigned in every organization.
-- The owner has to see the rows of all tenants for once.
ALTER TABLE app_shares NO FORCE ROW LEVEL SECURITY;
ALTER TABLE apps NO FORCE ROW LEVEL SECURITY;
UPDATE app_shares s SET share_roles = 'all' FROM apps a WHERE a.tenant_id = s.tenant_id AND a.id = s.app_id AND a.builtin AND s.share_roles <> 'all';
ALTER TABLE app_shares FORCE ROW LEVEL SECURITY;
ALTER TABLE apps FORCE ROW LEVEL SECURITY;
