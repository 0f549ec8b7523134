-- What goes with its organization is found by it, in histories too.
DO $$
DECLARE
    twin regclass;
BEGIN
    FOR twin IN SELECT oid FROM pg_class WHERE relnamespace = 'grove'::regnamespace AND relkind = 'r' AND relname LIKE '%\_history' LOOP
        EXECUTE format('CREATE INDEX ON %s (tenant_id, org_id)', twin);
    END LOOP;
END $$;

CREATE OR REPLACE FUNCTION infra.keep_history(t regclass)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    twin text := t::text || '_history';
BEGIN
    EXECUTE format('CREATE TABLE %s (LIKE %s, sys_to timestamptz NOT NULL)', twin, t);
    EXECUTE format('CREATE INDEX ON %s (tenant_id, id, sys_to)', twin);
    EXECUTE format('CREATE INDEX ON %s (tenant_id, org_id)', twin);
    PERFORM infra.tenant_table(twin::regclass, true, 'SELECT, INSERT, DELETE');
    EXECUTE format('CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION infra.write_history()', t);
END $$;
