-- The person whom the tenant was created for, so that the operator can look after him. People live above this floor: there
-- is no foreign key, and he may have been deleted since. NULL for tenants from before.
ALTER TABLE tenants ADD COLUMN administrator_id uuid;
