-- What was issued to somebody who acts as another person ends with the allowance for it.
ALTER TABLE epochs DROP CONSTRAINT epochs_kind_check;
ALTER TABLE epochs ADD CONSTRAINT epochs_kind_check
    CHECK (kind IN ('tenant', 'org', 'user', 'client', 'connection', 'session', 'grant', 'membership', 'token', 'support_access')) NOT VALID;
