-- The sweep finds what expired in all tenants, a part at a time.
CREATE INDEX registration_tokens_by_expiry ON registration_tokens (expires_at);
GRANT SELECT (tenant_id, id) ON registration_tokens TO grove_system;
