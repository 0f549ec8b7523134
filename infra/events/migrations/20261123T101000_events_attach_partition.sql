-- A partition is made beside the table and then attached: making it in place would hold up every reader and writer of
-- events, behind the longest of them. Attaching waits for readers of the default partition only, and gives up soon; the
-- partition is for a month to come, and the next run tries again.
CREATE OR REPLACE FUNCTION infra.make_events_partition(at timestamptz) RETURNS void LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = grove, infra, pg_temp SET lock_timeout = '300ms' AS $$
DECLARE
    first timestamptz := date_trunc('month', at, 'UTC');
    name  text := 'events_' || to_char(first AT TIME ZONE 'UTC', 'YYYYMM');
BEGIN
    IF to_regclass('grove.' || name) IS NOT NULL THEN RETURN; END IF;
    EXECUTE format('CREATE TABLE grove.%I (LIKE grove.events INCLUDING ALL)', name);
    EXECUTE format('ALTER TABLE grove.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE grove.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE grove.events ATTACH PARTITION grove.%I FOR VALUES FROM (%L) TO (%L)',
        name, infra.uuid_at(first), infra.uuid_at(first + interval '1 month'));
END $$;
