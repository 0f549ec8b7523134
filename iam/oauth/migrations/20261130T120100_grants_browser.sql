-- The browser that the code and the refresh tokens of a grant are bound to: the SHA-256 of its cookie, in base64url; '' for none.
ALTER TABLE grants ADD COLUMN browser text NOT NULL DEFAULT '';
