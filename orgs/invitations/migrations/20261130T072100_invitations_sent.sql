-- When an invitation was sent, in seconds since 1970, as far as that was an hour ago at most when it was sent last: whatever else happens to it, no more
-- and no fewer sendings count against what an address may get.
ALTER TABLE invitations ADD COLUMN sent_at bigint[] NOT NULL DEFAULT '{}';
