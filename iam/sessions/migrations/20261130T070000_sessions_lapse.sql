-- When a session lapses if it is not used before, by the idle time that was in force at its last use. A longer one holds from the
-- next use on. Of sessions that are older than this column nobody knows it; the setting ends them in any case.
ALTER TABLE sessions
    ADD COLUMN lapses_at     timestamptz,
    ADD COLUMN lapsed        boolean NOT NULL DEFAULT false, -- nobody signs in by it any more; apps keep what they hold until expires_at
    ADD COLUMN idled_seconds integer NOT NULL DEFAULT 0,     -- the longest time between two uses since began_at
    ADD COLUMN outlasted     boolean NOT NULL DEFAULT false; -- it was made shorter: apps may hold what lasts longer than it does
-- The owner has to see the rows of all tenants for once.
ALTER TABLE sessions NO FORCE ROW LEVEL SECURITY;
UPDATE sessions SET lapses_at = expires_at;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
ALTER TABLE sessions ALTER COLUMN lapses_at SET NOT NULL;

-- Lists read what is live only; the sweep sees to it that nothing else is in their indexes.
DROP INDEX sessions_by_org;
CREATE INDEX sessions_by_org ON sessions (tenant_id, org_id, id) WHERE ended_at IS NULL AND NOT lapsed;
CREATE INDEX sessions_live_of_user ON sessions (tenant_id, user_id, id) WHERE ended_at IS NULL AND NOT lapsed;
CREATE INDEX sessions_not_ended ON sessions (tenant_id, org_id, id) WHERE ended_at IS NULL; -- which a shorter time holds for

-- The sweep: what lapses, what expires, and what ended long ago.
DROP INDEX sessions_by_expiry;
CREATE INDEX sessions_lapsing ON sessions (lapses_at) WHERE ended_at IS NULL AND NOT lapsed;
CREATE INDEX sessions_expiring ON sessions (expires_at, id) WHERE ended_at IS NULL;
CREATE INDEX sessions_by_end ON sessions (ended_at) WHERE ended_at IS NOT NULL;
GRANT SELECT (ended_at, lapses_at, lapsed), UPDATE (lapsed) ON sessions TO grove_system;
