-- What was set of a module before is read with what is set now.
DROP INDEX settings_history_tenant_id_org_id_idx;
CREATE INDEX settings_history_by_module ON settings_history (tenant_id, org_id, module);
