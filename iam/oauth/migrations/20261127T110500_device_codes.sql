-- Device authorizations (RFC 8628): a device polls by one code, a person approves by another that he can type.
CREATE TABLE device_codes (
    tenant_id        uuid NOT NULL,
    hash             bytea NOT NULL, -- of the device's code
    user_code        bytea NOT NULL, -- hash of the person's code, normalised
    app_id           uuid NOT NULL,
    issuer           text NOT NULL,
    scopes           text[] NOT NULL,
    state            text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied')),
    grant_id         uuid, -- of an approved one
    interval_seconds integer NOT NULL,
    polled_at        timestamptz,
    expires_at       timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, hash),
    CONSTRAINT device_codes_user_code UNIQUE (tenant_id, user_code),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE,
    CHECK ((state = 'approved') = (grant_id IS NOT NULL))
);
CREATE INDEX device_codes_by_expiry ON device_codes (expires_at);
CREATE INDEX device_codes_by_app ON device_codes (tenant_id, app_id);
CREATE INDEX device_codes_by_grant ON device_codes (tenant_id, grant_id);
SELECT infra.tenant_table('device_codes');
SELECT infra.system_table('device_codes', 'SELECT, DELETE');
