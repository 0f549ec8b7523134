-- The organization above an app's owner whose administrator has disabled it: the owner cannot enable it again.
ALTER TABLE apps ADD COLUMN turned_off_by uuid;
