-- The latest sending is not mailed: the organizations of the tenant together had the address mailed too often.
ALTER TABLE invitations ADD COLUMN withheld boolean NOT NULL DEFAULT false;
