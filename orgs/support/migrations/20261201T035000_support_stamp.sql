-- What an organization says holds for where it lies in the tree. What was said before ends where the organization was ever moved.
ALTER TABLE support_access ADD COLUMN stamp bigint NOT NULL DEFAULT 0;
