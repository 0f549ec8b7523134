-- Functions that every tenant table is made with. They belong to grove_owner, like all objects.

-- The bound tenant. Without missing_ok, and an empty setting is no uuid: a query with no tenant set is an error.
CREATE FUNCTION infra.tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN current_setting('grove.tenant_id')::uuid;

-- The bound organization, or null where the door is the tenant's.
CREATE FUNCTION infra.org() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('grove.org_id', true), '')::uuid;

-- tenant_table turns on and forces row security for a table that has tenant_id, lets grove_app use it within the
-- bound tenant, and, where the table has org_id and org_rows is set, within the bound organization.
CREATE FUNCTION infra.tenant_table(t regclass, org_rows boolean DEFAULT true, privileges text DEFAULT 'SELECT, INSERT, UPDATE, DELETE')
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', t);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', t);
    EXECUTE format('CREATE POLICY tenant_rows ON %s USING (tenant_id = current_setting(''grove.tenant_id'')::uuid)', t);
    IF org_rows AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = t AND attname = 'org_id' AND NOT attisdropped) THEN
        EXECUTE format('CREATE POLICY org_rows ON %s AS RESTRICTIVE USING (infra.org() IS NULL OR org_id = infra.org())', t);
    END IF;
    EXECUTE format('GRANT %s ON %s TO grove_app', privileges, t);
END $$;

-- system_table lets grove_system use a table across tenants, with the privileges named and no others.
CREATE FUNCTION infra.system_table(t regclass, privileges text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE POLICY system_rows ON %s TO grove_system USING (true) WITH CHECK (true)', t);
    EXECUTE format('GRANT %s ON %s TO grove_system', privileges, t);
END $$;

-- keep_history gives a table a twin, <table>_history, that receives the old row with the time range in which it was
-- true, whenever the row changes or goes. The table needs a column sys_from timestamptz NOT NULL DEFAULT now().
CREATE FUNCTION infra.keep_history(t regclass)
RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    twin text := t::text || '_history';
BEGIN
    EXECUTE format('CREATE TABLE %s (LIKE %s, sys_to timestamptz NOT NULL)', twin, t);
    EXECUTE format('CREATE INDEX ON %s (tenant_id, id, sys_to)', twin);
    PERFORM infra.tenant_table(twin::regclass, true, 'SELECT, INSERT, DELETE');
    EXECUTE format('CREATE TRIGGER keep_history BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION infra.write_history()', t);
END $$;

-- The clock of the transaction is the program's (grove.now), so that a moved clock moves history too.
CREATE FUNCTION infra.write_history() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    at timestamptz := coalesce(nullif(current_setting('grove.now', true), '')::timestamptz, now());
BEGIN
    -- Several changes in one transaction are one: only the row as it was before the transaction is history.
    IF OLD.sys_from < at THEN
        EXECUTE format('INSERT INTO %I.%I SELECT ($1).*, $2', TG_TABLE_SCHEMA, TG_TABLE_NAME || '_history') USING OLD, at;
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    NEW.sys_from := at;
    RETURN NEW;
END $$;

GRANT USAGE ON SCHEMA infra TO grove_app, grove_system;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA infra TO grove_app, grove_system;

-- Revocation epochs: see docs/adr/0004-revocation-epochs.md. A subject without a row was never revoked.
CREATE SEQUENCE epoch_numbers;
GRANT USAGE ON SEQUENCE epoch_numbers TO grove_app, grove_system;

CREATE TABLE epochs (
    tenant_id  uuid NOT NULL,
    subject    uuid NOT NULL,
    kind       text NOT NULL CHECK (kind IN ('tenant', 'org', 'user', 'client', 'connection', 'session', 'grant', 'membership', 'token')),
    epoch      bigint NOT NULL,
    blocked    boolean NOT NULL,
    reason     text NOT NULL,
    changed_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, subject)
);
CREATE INDEX epochs_by_age ON epochs (tenant_id, kind, changed_at);
SELECT infra.tenant_table('epochs');
SELECT infra.system_table('epochs', 'SELECT, INSERT, UPDATE, DELETE');

-- One row per Idempotency-Key, written in the effect's own transaction. No response body is kept.
CREATE TABLE idempotency_keys (
    tenant_id    uuid NOT NULL,
    actor        text NOT NULL,
    key          text NOT NULL,
    operation    text NOT NULL,
    request_hash bytea NOT NULL,
    subject      text NOT NULL,
    created_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, actor, key)
);
CREATE INDEX idempotency_keys_by_age ON idempotency_keys (tenant_id, created_at);
SELECT infra.tenant_table('idempotency_keys');
SELECT infra.system_table('idempotency_keys', 'SELECT, DELETE');
