-- The refresh token that the newest generation of a family took the place of (its hash), and whether it was answered a second time.
ALTER TABLE grants ADD COLUMN rotated_hash bytea, ADD COLUMN repeated boolean NOT NULL DEFAULT false;
