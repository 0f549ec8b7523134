-- Claims that a grant names beside its scopes (OpenID Connect Core 1.0, section 5.5), as JSON by id_token and userinfo; '' for none.
ALTER TABLE grants ADD COLUMN claims text NOT NULL DEFAULT '';
