-- A grant that organization_switch made ends with the one that it came from. first_id is where the line of them began: a sign-in.
-- The owner has to see the rows of all tenants while the keys are checked.
ALTER TABLE grants NO FORCE ROW LEVEL SECURITY;
ALTER TABLE grants
    ADD COLUMN from_id uuid,
    ADD COLUMN first_id uuid,
    ADD CONSTRAINT grants_from FOREIGN KEY (tenant_id, from_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE,
    ADD CONSTRAINT grants_first FOREIGN KEY (tenant_id, first_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE,
    ADD CHECK ((from_id IS NULL) = (first_id IS NULL));
ALTER TABLE grants FORCE ROW LEVEL SECURITY;
CREATE INDEX grants_by_from ON grants (tenant_id, from_id) WHERE from_id IS NOT NULL;
CREATE INDEX grants_by_first ON grants (tenant_id, first_id) WHERE first_id IS NOT NULL;
