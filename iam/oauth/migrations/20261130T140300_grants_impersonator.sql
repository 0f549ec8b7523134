-- A grant by which one person acts as another: who he is, the organization in which he may, by whose word, and whether for reading only.
ALTER TABLE grants
    ADD COLUMN impersonator_id     uuid,
    ADD COLUMN impersonator_org_id uuid,
    ADD COLUMN support_access_id   uuid,
    ADD COLUMN read_only           boolean NOT NULL DEFAULT false,
    ADD CHECK ((impersonator_id IS NULL) = (impersonator_org_id IS NULL));
CREATE INDEX grants_by_impersonator ON grants (tenant_id, impersonator_id, id) WHERE impersonator_id IS NOT NULL;
