-- The first set-up of the installation: whoever holds the token founds the first tenant. A single row of the installation.
CREATE TABLE setup (
    id         smallint PRIMARY KEY DEFAULT 1 CHECK (id = 1),
    nonce      bytea NOT NULL, -- the token is derived from it and the root key, so that every process knows the same one
    hash       bytea NOT NULL, -- SHA-256 of the token
    expires_at timestamptz NOT NULL,
    used_at    timestamptz
);
GRANT SELECT, UPDATE (used_at) ON setup TO grove_app;
GRANT SELECT, INSERT, UPDATE ON setup TO grove_system;
