-- Events are only ever added. The id is a UUIDv7, so partitions by id are partitions by time.
CREATE TABLE events (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    org_id       uuid NOT NULL,
    type         text NOT NULL,
    actor_kind   text NOT NULL,
    actor_id     text NOT NULL,
    subject      text NOT NULL,
    data         jsonb NOT NULL,
    request_id   text NOT NULL,
    at           timestamptz NOT NULL,
    written_by   xid8 NOT NULL DEFAULT pg_current_xact_id(),
    PRIMARY KEY (tenant_id, id)
) PARTITION BY RANGE (id);
CREATE INDEX events_by_org ON events (tenant_id, org_id, id DESC);
CREATE INDEX events_by_type ON events (tenant_id, org_id, type, id DESC);
CREATE INDEX events_by_subject ON events (tenant_id, subject, id DESC);
SELECT infra.tenant_table('events', true, 'SELECT, INSERT');
SELECT infra.system_table('events', 'SELECT');

-- Rows that no partition covers are not lost; the periodic job makes partitions ahead of time.
CREATE TABLE events_default PARTITION OF events DEFAULT;
ALTER TABLE events_default ENABLE ROW LEVEL SECURITY;
ALTER TABLE events_default FORCE ROW LEVEL SECURITY;

-- The lowest UUIDv7 of a moment.
CREATE FUNCTION infra.uuid_at(at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE
    RETURN (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '70008000000000000000')::uuid;

-- Makes the partition of the month that holds a moment. It runs as the owner, because only the owner may.
CREATE FUNCTION infra.make_events_partition(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = grove, infra, pg_temp AS $$
DECLARE
    first timestamptz := date_trunc('month', at, 'UTC');
    name  text := 'events_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass('grove.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE grove.%I PARTITION OF grove.events FOR VALUES FROM (%L) TO (%L)',
        name, infra.uuid_at(first), infra.uuid_at(first + interval '1 month'));
    EXECUTE format('ALTER TABLE grove.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE grove.%I FORCE ROW LEVEL SECURITY', name);
END $$;
REVOKE EXECUTE ON FUNCTION infra.make_events_partition FROM PUBLIC;
GRANT EXECUTE ON FUNCTION infra.make_events_partition TO grove_system;
SELECT infra.make_events_partition(now());
SELECT infra.make_events_partition(now() + interval '1 month');

-- The chain: the order in which events became visible, each link sealed with the hash of the one before.
CREATE TABLE event_chain (
    tenant_id uuid NOT NULL,
    seq       bigint NOT NULL,
    event_id  uuid NOT NULL,
    org_id    uuid NOT NULL,
    hash      bytea NOT NULL,
    PRIMARY KEY (tenant_id, seq),
    UNIQUE (tenant_id, event_id)
);
CREATE INDEX event_chain_by_org ON event_chain (tenant_id, org_id, seq);
SELECT infra.tenant_table('event_chain', true, 'SELECT');
SELECT infra.system_table('event_chain', 'SELECT, INSERT');

-- Where the sealer stands: all events written by transactions before this one are in the chain.
CREATE TABLE event_sealer (
    only_row boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    sealed_before xid8 NOT NULL
);
INSERT INTO event_sealer (sealed_before) VALUES ('0');
GRANT SELECT, UPDATE ON event_sealer TO grove_system;
CREATE INDEX events_by_writer ON events (written_by);
