-- What an organization finds its guests by, beside them, so that a search looks among its own and at nobody else.
CREATE TABLE guest_keys (
    tenant_id    uuid NOT NULL,
    org_id       uuid NOT NULL,
    user_id      uuid NOT NULL,
    username_key text COLLATE "C" NOT NULL, -- as in users
    email_key    text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id, org_id),
    FOREIGN KEY (tenant_id, org_id, user_id) REFERENCES memberships (tenant_id, org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX guest_keys_by_username ON guest_keys (tenant_id, org_id, username_key);
CREATE INDEX guest_keys_by_email ON guest_keys (tenant_id, org_id, email_key);
-- Whoever changes a person, in whichever organization's door, changes all of them.
SELECT infra.tenant_table('guest_keys', false);

CREATE FUNCTION infra.write_guest_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grove.guest_keys (tenant_id, org_id, user_id, username_key, email_key)
    SELECT NEW.tenant_id, NEW.org_id, u.id, u.username_key, u.email_key FROM grove.users u WHERE u.tenant_id = NEW.tenant_id AND u.id = NEW.user_id;
    RETURN NULL;
END $$;
CREATE TRIGGER keys_of_guest AFTER INSERT ON memberships FOR EACH ROW WHEN (NEW.kind <> 'resident') EXECUTE FUNCTION infra.write_guest_keys();

CREATE FUNCTION infra.follow_guest_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE grove.guest_keys SET username_key = NEW.username_key, email_key = NEW.email_key WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER keys_of_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.username_key, OLD.email_key) IS DISTINCT FROM (NEW.username_key, NEW.email_key)) EXECUTE FUNCTION infra.follow_guest_keys();

-- The owner has to see the rows of all tenants for once.
ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY;
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE guest_keys NO FORCE ROW LEVEL SECURITY;
INSERT INTO guest_keys (tenant_id, org_id, user_id, username_key, email_key)
SELECT m.tenant_id, m.org_id, u.id, u.username_key, u.email_key FROM memberships m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id WHERE m.kind <> 'resident';
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE guest_keys FORCE ROW LEVEL SECURITY;
