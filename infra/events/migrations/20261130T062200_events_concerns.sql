-- Which things an event concerns: its subject, and whatever its data names by an id. It is read off events, is no part of the
-- chain, and lies in the same spans of ids, so that a partition of events goes with its own.
CREATE TABLE event_concerns (
    tenant_id uuid NOT NULL,
    org_id    uuid NOT NULL,
    thing     text COLLATE "C" NOT NULL,
    event_id  uuid NOT NULL,
    PRIMARY KEY (tenant_id, org_id, thing, event_id)
) PARTITION BY RANGE (event_id);
SELECT infra.tenant_table('event_concerns', true, 'SELECT, INSERT');
SELECT infra.system_table('event_concerns', 'SELECT');
SELECT infra.erasable_table('event_concerns');

-- What somebody did, in one organization's log at a time.
CREATE INDEX events_by_org_actor ON events (tenant_id, org_id, actor_id, id DESC);

-- As before, and the partition of event_concerns beside it.
CREATE OR REPLACE FUNCTION infra.make_events_partition(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = grove, infra, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
    first  timestamptz := date_trunc('month', at, 'UTC');
    parent text;
    name   text;
BEGIN
    FOREACH parent IN ARRAY ARRAY['events', 'event_concerns'] LOOP
        name := parent || '_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
        CONTINUE WHEN to_regclass('grove.' || name) IS NOT NULL;
        EXECUTE format('CREATE TABLE grove.%I (LIKE grove.%I INCLUDING ALL)', name, parent);
        EXECUTE format('ALTER TABLE grove.%I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE grove.%I FORCE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE grove.%I ATTACH PARTITION grove.%I FOR VALUES FROM (%L) TO (%L)',
            parent, name, infra.uuid_at(first), infra.uuid_at(first + interval '1 month'));
    END LOOP;
END $$;

-- The partitions that events has, with the same bounds.
DO $$
DECLARE
    part record;
    name text;
BEGIN
    FOR part IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
                WHERE i.inhparent = 'grove.events'::regclass LOOP
        name := replace(part.relname, 'events_', 'event_concerns_');
        EXECUTE format('CREATE TABLE %I PARTITION OF event_concerns %s', name, part.bound);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', name);
    END LOOP;
END $$;

-- What was written before: values of the data that are ids, under the names that ids have there.
ALTER TABLE events NO FORCE ROW LEVEL SECURITY;
ALTER TABLE event_concerns NO FORCE ROW LEVEL SECURITY;
INSERT INTO event_concerns (tenant_id, org_id, thing, event_id)
SELECT DISTINCT e.tenant_id, e.org_id, t.thing, e.id
FROM events e
CROSS JOIN LATERAL (
    SELECT e.subject AS thing
    UNION ALL
    SELECT d.value #>> '{}' FROM jsonb_each(e.data) d WHERE d.key LIKE '%\_id' AND jsonb_typeof(d.value) = 'string'
    UNION ALL
    SELECT one FROM jsonb_each(e.data) d
    CROSS JOIN LATERAL jsonb_array_elements_text(CASE WHEN jsonb_typeof(d.value) = 'array' THEN d.value ELSE '[]' END) one
    WHERE d.key IN ('groups', 'roles')) t
WHERE t.thing ~ '^[a-z]{3}_[0-9a-hjkmnp-tv-z]{26}$';
ALTER TABLE events FORCE ROW LEVEL SECURITY;
ALTER TABLE event_concerns FORCE ROW LEVEL SECURITY;

-- What things were called when they went, for readers of the log: their names are in no event, as far as they are people's.
-- A row that goes takes the name with it, and breaks no chain.
CREATE TABLE names_of_gone (
    tenant_id uuid NOT NULL,
    id        uuid NOT NULL,
    org_id    uuid NOT NULL, -- whose it was
    name      text NOT NULL,
    gone_at   timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id)
);
CREATE INDEX names_of_gone_by_org ON names_of_gone (tenant_id, org_id);
SELECT infra.tenant_table('names_of_gone', true, 'SELECT, INSERT, DELETE');

-- keep_names keeps what the rows of a table were called, when they are deleted. org and name are expressions of its columns.
CREATE FUNCTION infra.keep_names(t regclass, org text, name text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER keep_names AFTER DELETE ON %s REFERENCING OLD TABLE AS gone FOR EACH STATEMENT
        EXECUTE FUNCTION infra.write_names(%L, %L)', t, org, name);
END $$;

CREATE FUNCTION infra.write_names() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('INSERT INTO %I.names_of_gone (tenant_id, id, org_id, name, gone_at)
        SELECT tenant_id, id, %s, %s, $1 FROM gone ON CONFLICT DO NOTHING', TG_TABLE_SCHEMA, TG_ARGV[0], TG_ARGV[1])
        USING coalesce(nullif(current_setting('grove.now', true), '')::timestamptz, now());
    RETURN NULL;
END $$;
