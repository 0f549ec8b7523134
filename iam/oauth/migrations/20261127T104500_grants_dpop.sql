-- The key that the code of a grant, and a public client's refresh tokens, are bound to (RFC 9449): an RFC 7638 thumbprint.
ALTER TABLE grants ADD COLUMN dpop_jkt text NOT NULL DEFAULT '';
