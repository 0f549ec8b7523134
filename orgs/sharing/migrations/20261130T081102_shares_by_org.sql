-- An organization's door shows the shares of its own apps. What is shared with it is resolved in the tenant's, as the apps and the
-- roles that are shared are another's rows, too.
CREATE POLICY org_rows ON app_shares AS RESTRICTIVE USING (infra.org() IS NULL OR org_id = infra.org());
CREATE POLICY org_rows ON app_share_targets AS RESTRICTIVE USING (infra.org() IS NULL OR EXISTS (
    SELECT FROM app_shares s WHERE s.tenant_id = app_share_targets.tenant_id AND s.app_id = app_share_targets.app_id));
