-- A binary that knows nothing of lapses_at goes on signing people in beside this one. The longest idle time that can be set leaves it to
-- the other times to end what it makes; the next use of it gives the right one.
ALTER TABLE sessions ALTER COLUMN lapses_at SET DEFAULT now() + interval '366 days';

-- What expired before anybody was told of it: the first sweep would tell of a month.
-- The owner has to see the rows of all tenants for once.
ALTER TABLE sessions NO FORCE ROW LEVEL SECURITY;
UPDATE sessions SET ended_at = expires_at WHERE ended_at IS NULL AND expires_at <= now() AND NOT outlasted;
ALTER TABLE sessions FORCE ROW LEVEL SECURITY;
