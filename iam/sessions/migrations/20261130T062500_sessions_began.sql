-- Since when a session lasts: its sign-in, or the last time that the person proved himself again. An organization that
-- shortens the life of its sessions shortens that of those there are; of those that are older than this column, from now on.
ALTER TABLE sessions ADD COLUMN began_at timestamptz NOT NULL DEFAULT now();
