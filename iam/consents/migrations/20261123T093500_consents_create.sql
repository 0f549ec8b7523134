CREATE TABLE consents (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    user_id    uuid NOT NULL,
    app_id     uuid NOT NULL,
    scopes     text[] NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE,
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT consents_once UNIQUE (tenant_id, user_id, org_id, app_id)
);
CREATE INDEX consents_by_app ON consents (tenant_id, app_id);
CREATE INDEX consents_by_user ON consents (tenant_id, user_id, id);
SELECT infra.tenant_table('consents');
