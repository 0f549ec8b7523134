-- Each note of use wrote all indexes of sessions anew, because one had lapses_at. The sweep finds what lapses by the hour now, which a
-- note changes once an hour; between, it changes no index (heap-only tuples). The hour is never after lapses_at: a row that was made
-- before this column, or by a binary that knows nothing of it, is looked at from the start.
ALTER TABLE sessions ADD COLUMN lapse_hour timestamptz NOT NULL DEFAULT now();
DROP INDEX sessions_lapsing;
CREATE INDEX sessions_lapsing ON sessions (lapse_hour) WHERE ended_at IS NULL AND NOT lapsed;
GRANT SELECT (lapse_hour) ON sessions TO grove_system;
-- Room for them in new pages.
ALTER TABLE sessions SET (fillfactor = 80);
