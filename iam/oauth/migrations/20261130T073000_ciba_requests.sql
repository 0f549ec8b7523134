-- Backchannel authentication requests (OpenID Connect CIBA Core 1.0): a client polls by auth_req_id, a person answers by a link. One
-- without a person names nobody: it waits like any other, and is never answered.
CREATE TABLE ciba_requests (
    tenant_id             uuid NOT NULL,
    id                    uuid NOT NULL,
    hash                  bytea NOT NULL, -- of auth_req_id
    link                  bytea NOT NULL, -- hash of what the person's link holds
    hint                  bytea NOT NULL, -- hash of whom the client named, and where
    app_id                uuid NOT NULL,
    user_id               uuid,
    org_id                uuid, -- NULL: the person chooses
    issuer                text NOT NULL,
    scopes                text[] NOT NULL,
    authorization_details text NOT NULL, -- see grants
    message               text NOT NULL,
    sealed                bytea, -- what a ping says; NULL where there is none
    state                 text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'approved', 'denied')),
    grant_id              uuid, -- of an approved one
    interval_seconds      integer NOT NULL,
    polled_at             timestamptz,
    created_at            timestamptz NOT NULL,
    expires_at            timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CONSTRAINT ciba_requests_hash UNIQUE (tenant_id, hash),
    CONSTRAINT ciba_requests_link UNIQUE (tenant_id, link),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, grant_id) REFERENCES grants (tenant_id, id) ON DELETE CASCADE,
    CHECK ((state = 'approved') = (grant_id IS NOT NULL))
);
CREATE INDEX ciba_requests_by_expiry ON ciba_requests (expires_at);
CREATE INDEX ciba_requests_by_hint ON ciba_requests (tenant_id, app_id, hint);
CREATE INDEX ciba_requests_by_user ON ciba_requests (tenant_id, user_id);
CREATE INDEX ciba_requests_by_grant ON ciba_requests (tenant_id, grant_id);
SELECT infra.tenant_table('ciba_requests');
SELECT infra.system_table('ciba_requests', 'SELECT, DELETE');
