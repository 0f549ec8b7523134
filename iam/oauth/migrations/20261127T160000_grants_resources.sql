-- The API resources that a client named when it asked (RFC 8707); empty: those that the scopes belong to.
ALTER TABLE grants ADD COLUMN resources text[] NOT NULL DEFAULT '{}';
