-- What one organization sets of one module's settings. A field that is absent is inherited from the nearest ancestor.
CREATE TABLE settings (
    tenant_id  uuid NOT NULL,
    id         uuid NOT NULL,
    org_id     uuid NOT NULL,
    module     text COLLATE "C" NOT NULL,
    value      jsonb NOT NULL,
    updated_at timestamptz NOT NULL,
    version    bigint NOT NULL DEFAULT 1,
    sys_from   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT settings_module UNIQUE (tenant_id, org_id, module)
);
SELECT infra.tenant_table('settings');
SELECT infra.keep_history('settings');
