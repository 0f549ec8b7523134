-- Apps that there are keep what they had: claims of scopes in ID tokens beside access tokens too. The owner has to see all rows for once.
ALTER TABLE apps NO FORCE ROW LEVEL SECURITY;
UPDATE apps SET oidc = oidc || '{"user_claims_in_id_token": true}';
ALTER TABLE apps FORCE ROW LEVEL SECURITY;
