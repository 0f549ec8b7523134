-- Who holds a role of an organization in all that lies below as well.
CREATE INDEX role_assignments_below ON role_assignments (tenant_id, org_id) WHERE reach = 'subtree';
