-- The settings of OAuth and OpenID Connect that no query asks for become one document: see docs/adr/0009.
ALTER TABLE apps ADD COLUMN oidc jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(oidc) = 'object');

-- The owner has to see the rows of all tenants for once.
ALTER TABLE apps NO FORCE ROW LEVEL SECURITY;
UPDATE apps SET oidc = jsonb_build_object('access_token_seconds', access_token_seconds, 'id_token_alg', id_token_alg,
    'post_logout_redirect_uris', to_jsonb(post_logout_redirect_uris), 'redirect_uris', to_jsonb(redirect_uris),
    'refresh_token_seconds', refresh_token_seconds, 'skip_consent', skip_consent);
ALTER TABLE apps FORCE ROW LEVEL SECURITY;

ALTER TABLE apps DROP COLUMN access_token_seconds, DROP COLUMN id_token_alg, DROP COLUMN post_logout_redirect_uris,
    DROP COLUMN redirect_uris, DROP COLUMN refresh_token_seconds, DROP COLUMN skip_consent;
