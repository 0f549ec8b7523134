-- What lies below an organization in the order of names: beside each line of the closure the comparable name of the one below, so
-- that a page of such a list is a piece of an index, whatever else there is.
ALTER TABLE org_closure ADD COLUMN name_key text COLLATE "C";
-- The owner has to see the rows of all tenants for once.
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE org_closure NO FORCE ROW LEVEL SECURITY;
UPDATE org_closure c SET name_key = o.name_key FROM organizations o WHERE o.tenant_id = c.tenant_id AND o.id = c.descendant_id;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE org_closure FORCE ROW LEVEL SECURITY;
ALTER TABLE org_closure ALTER COLUMN name_key SET NOT NULL;
CREATE INDEX org_closure_by_name ON org_closure (tenant_id, ancestor_id, name_key, descendant_id);

-- A binary that knows nothing of name_key goes on adding lines beside this one. It waits for whoever is renaming: the old name would
-- stay for ever.
CREATE FUNCTION infra.name_closure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    SELECT o.name_key INTO NEW.name_key FROM grove.organizations o WHERE o.tenant_id = NEW.tenant_id AND o.id = NEW.descendant_id FOR SHARE;
    RETURN NEW;
END $$;
CREATE TRIGGER name_of_line BEFORE INSERT ON org_closure FOR EACH ROW WHEN (NEW.name_key IS NULL) EXECUTE FUNCTION infra.name_closure();

CREATE FUNCTION infra.rename_closure() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE grove.org_closure SET name_key = NEW.name_key WHERE tenant_id = NEW.tenant_id AND descendant_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER name_of_lines AFTER UPDATE ON organizations FOR EACH ROW WHEN (OLD.name_key <> NEW.name_key) EXECUTE FUNCTION infra.rename_closure();
