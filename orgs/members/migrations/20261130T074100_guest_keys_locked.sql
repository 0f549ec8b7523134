-- As before, and waits for whoever is changing the person: his old keys would be found for ever by who became a member meanwhile.
CREATE OR REPLACE FUNCTION infra.write_guest_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grove.guest_keys (tenant_id, org_id, user_id, username_key, email_key)
    SELECT NEW.tenant_id, NEW.org_id, u.id, u.username_key, u.email_key FROM grove.users u WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id FOR SHARE OF u;
    RETURN NULL;
END $$;
