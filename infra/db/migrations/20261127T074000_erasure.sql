-- What happened and what was counted is only ever added to, until its tenant is erased.
-- Whether a tenant is being erased. Its table is a capability's: the name is looked up when the function runs.
CREATE FUNCTION infra.erasing(tenant uuid) RETURNS boolean LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN EXISTS (SELECT FROM grove.tenants t WHERE t.tenant_id = tenant AND t.status = 'erasing');
END $$;
GRANT EXECUTE ON FUNCTION infra.erasing TO grove_system;

-- erasable_table lets grove_system delete the rows of tenants that are being erased, and no others, from a table that nobody
-- else deletes from. The table is grove_system's to read already.
CREATE FUNCTION infra.erasable_table(t regclass) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY erased_rows ON %s AS RESTRICTIVE FOR DELETE TO grove_system USING (infra.erasing(tenant_id))', t);
    EXECUTE format('GRANT DELETE ON %s TO grove_system', t);
END $$;
