-- An organization's door reads the tree, for what it inherits, and writes none of it.
CREATE POLICY tree_inserts ON organizations AS RESTRICTIVE FOR INSERT TO grove_app WITH CHECK (infra.org() IS NULL);
CREATE POLICY tree_updates ON organizations AS RESTRICTIVE FOR UPDATE TO grove_app USING (infra.org() IS NULL);
CREATE POLICY tree_deletes ON organizations AS RESTRICTIVE FOR DELETE TO grove_app USING (infra.org() IS NULL);
CREATE POLICY tree_inserts ON org_closure AS RESTRICTIVE FOR INSERT TO grove_app WITH CHECK (infra.org() IS NULL);
CREATE POLICY tree_updates ON org_closure AS RESTRICTIVE FOR UPDATE TO grove_app USING (infra.org() IS NULL);
CREATE POLICY tree_deletes ON org_closure AS RESTRICTIVE FOR DELETE TO grove_app USING (infra.org() IS NULL);
