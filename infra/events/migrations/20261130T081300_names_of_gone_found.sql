-- Who and what is gone is found by what it was called. The column is computed: policies keep the planner from an index of an expression.
ALTER TABLE names_of_gone ADD COLUMN name_key text COLLATE "C" NOT NULL GENERATED ALWAYS AS (lower(name)) STORED;
CREATE INDEX names_of_gone_by_name ON names_of_gone (tenant_id, org_id, name_key, id);
DROP INDEX names_of_gone_by_org;

-- What forgets them has no need of the names.
REVOKE SELECT ON names_of_gone FROM grove_system;
GRANT SELECT (tenant_id, id, gone_at) ON names_of_gone TO grove_system;
