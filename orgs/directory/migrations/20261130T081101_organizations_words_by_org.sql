-- Words are looked for, and written, in the tenant's door; an organization's shows its own.
CREATE POLICY org_rows ON org_words AS RESTRICTIVE USING (infra.org() IS NULL OR org_id = infra.org());
