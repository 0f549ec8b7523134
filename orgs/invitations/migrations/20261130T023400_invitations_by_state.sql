-- The list of one state.
CREATE INDEX invitations_by_state ON invitations (tenant_id, org_id, state, id);
