-- The certificate that a public client's refresh tokens are bound to (RFC 8705): its SHA-256, as x5t#S256 writes it.
ALTER TABLE grants ADD COLUMN x5t text NOT NULL DEFAULT '';
