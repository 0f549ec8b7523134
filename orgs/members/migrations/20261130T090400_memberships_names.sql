-- What a guest was called stays for readers of the log of the organization that he left, until he comes back.
CREATE FUNCTION infra.keep_name_of_guest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grove.names_of_gone (tenant_id, id, org_id, name, gone_at, elsewhere)
    SELECT u.tenant_id, u.id, OLD.org_id, coalesce(nullif(btrim(u.given_name || ' ' || u.family_name), ''), u.username),
        coalesce(nullif(current_setting('grove.now', true), '')::timestamptz, now()), true
    FROM grove.users u WHERE u.tenant_id = OLD.tenant_id AND u.id = OLD.user_id ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER name_of_guest AFTER DELETE ON memberships FOR EACH ROW WHEN (OLD.kind <> 'resident') EXECUTE FUNCTION infra.keep_name_of_guest();

CREATE FUNCTION infra.drop_name_of_guest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM grove.names_of_gone WHERE tenant_id = NEW.tenant_id AND id = NEW.user_id AND org_id = NEW.org_id;
    RETURN NULL;
END $$;
CREATE TRIGGER name_of_guest_back AFTER INSERT ON memberships FOR EACH ROW WHEN (NEW.kind <> 'resident') EXECUTE FUNCTION infra.drop_name_of_guest();
