-- A deleted tenant answers as if it were gone, and can be restored until it is erased. Its handle and hosts stay taken.
ALTER TABLE tenants
    ADD COLUMN plan text NOT NULL DEFAULT '', -- a word of the operator's
    ADD COLUMN region text NOT NULL DEFAULT '', -- where its data is said to be; set at the start and never changed
    ADD COLUMN erase_at timestamptz, -- of a deleted one
    ADD COLUMN was_suspended boolean NOT NULL DEFAULT false, -- before it was deleted
    DROP CONSTRAINT tenants_status_check,
    ADD CONSTRAINT tenants_status_check CHECK (status IN ('active', 'suspended', 'deleted', 'erasing'));
CREATE INDEX tenants_to_erase ON tenants (erase_at) WHERE status IN ('deleted', 'erasing');
GRANT UPDATE (plan, erase_at, was_suspended) ON tenants TO grove_app;
