-- Authorization details (RFC 9396) that the person has agreed to, each in its normal form, the newest last.
ALTER TABLE consents ADD COLUMN details text[] NOT NULL DEFAULT '{}';
