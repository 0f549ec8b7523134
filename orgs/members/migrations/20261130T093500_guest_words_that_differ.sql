-- As before, and writes only what differs: a guest of many organizations has many rows, and a change of his address leaves his names.
CREATE OR REPLACE FUNCTION infra.follow_guest_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    door text := coalesce(current_setting('grove.org_id', true), '');
    gone text[] := ARRAY(SELECT infra.guest_words_of(OLD.username_key, OLD.email_key, OLD.name_words) EXCEPT SELECT infra.guest_words_of(NEW.username_key, NEW.email_key, NEW.name_words));
    come text[] := ARRAY(SELECT infra.guest_words_of(NEW.username_key, NEW.email_key, NEW.name_words) EXCEPT SELECT infra.guest_words_of(OLD.username_key, OLD.email_key, OLD.name_words));
BEGIN
    PERFORM set_config('grove.org_id', '', true);
    DELETE FROM grove.guest_words WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id AND words = ANY (gone);
    INSERT INTO grove.guest_words (tenant_id, org_id, user_id, words)
    SELECT m.tenant_id, m.org_id, m.user_id, w FROM grove.memberships m, unnest(come) AS w
    WHERE m.tenant_id = NEW.tenant_id AND m.user_id = NEW.id AND m.kind <> 'resident'
    ON CONFLICT DO NOTHING;
    PERFORM set_config('grove.org_id', door, true);
    RETURN NULL;
END $$;
