-- What was granted beyond scopes (RFC 9396), as JSON in its normal form; empty: nothing. It is text because what is signed, shown and
-- compared is this text.
ALTER TABLE grants ADD COLUMN authorization_details text NOT NULL DEFAULT '';
ALTER TABLE device_codes ADD COLUMN authorization_details text NOT NULL DEFAULT '';
