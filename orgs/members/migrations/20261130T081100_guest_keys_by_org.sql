-- An organization's door shows the keys of its own guests.
CREATE POLICY org_rows ON guest_keys AS RESTRICTIVE USING (infra.org() IS NULL OR org_id = infra.org());

-- As before, and in whichever organization's door a person is changed: those that he is a guest of are others.
CREATE OR REPLACE FUNCTION infra.follow_guest_keys() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    door text := coalesce(current_setting('grove.org_id', true), '');
BEGIN
    PERFORM set_config('grove.org_id', '', true);
    UPDATE grove.guest_keys SET username_key = NEW.username_key, email_key = NEW.email_key WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    PERFORM set_config('grove.org_id', door, true);
    RETURN NULL;
END $$;
