-- The last requests of an app that the authorization server refused, without anything in them that is secret.
CREATE TABLE failed_requests (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL, -- that owns the app
    app_id      uuid NOT NULL,
    request_id  text NOT NULL,
    endpoint    text NOT NULL,
    error       text NOT NULL,
    description text NOT NULL, -- as it was answered
    rule        text NOT NULL,
    expected    text NOT NULL,
    fix         text NOT NULL,
    received    jsonb NOT NULL, -- redacted before it came here
    skipped     integer NOT NULL, -- how many before it were not written down
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX failed_requests_by_app ON failed_requests (tenant_id, app_id, id);
CREATE INDEX failed_requests_by_age ON failed_requests (created_at);
SELECT infra.tenant_table('failed_requests', true, 'SELECT, INSERT, DELETE');
SELECT infra.system_table('failed_requests', 'SELECT, DELETE');
