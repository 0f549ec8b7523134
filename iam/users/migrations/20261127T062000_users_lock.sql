-- An administrator may lock an account, with a reason that those who look after it see. A lock by failed sign-ins is elsewhere.
ALTER TABLE users ADD COLUMN lock_reason text NOT NULL DEFAULT '';
ALTER TABLE users DROP CONSTRAINT users_status_check,
    ADD CONSTRAINT users_status_check CHECK (status IN ('active', 'disabled', 'locked'));

-- Failed sign-ins that no event tells of yet.
ALTER TABLE sign_in_failures ADD COLUMN untold int NOT NULL DEFAULT 0;
CREATE INDEX sign_in_failures_untold ON sign_in_failures (tenant_id, user_id) WHERE untold > 0;
SELECT infra.system_table('sign_in_failures', 'SELECT');
