-- What an organization finds its guests by, in one table: usernames and addresses as they are, and names from each word on as in
-- user_words. It takes the place of guest_keys.
CREATE TABLE guest_words (
    tenant_id uuid NOT NULL,
    org_id    uuid NOT NULL,
    user_id   uuid NOT NULL,
    words     text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, user_id, org_id, words),
    FOREIGN KEY (tenant_id, org_id, user_id) REFERENCES memberships (tenant_id, org_id, user_id) ON DELETE CASCADE
);
CREATE INDEX guest_words_by_words ON guest_words (tenant_id, org_id, words, user_id);
-- Whoever changes a person, in whichever organization's door, changes all of them.
SELECT infra.tenant_table('guest_words', false);
-- An organization's door shows the words of its own guests.
CREATE POLICY org_rows ON guest_words AS RESTRICTIVE USING (infra.org() IS NULL OR org_id = infra.org());

CREATE FUNCTION infra.guest_words_of(username_key text, email_key text, name_words text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT username_key UNION SELECT email_key WHERE email_key <> '' UNION SELECT infra.words_from(name_words)
$$;

-- It waits for whoever is changing the person: his old words would be found for ever by who became a member meanwhile.
CREATE FUNCTION infra.write_guest_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO grove.guest_words (tenant_id, org_id, user_id, words)
    SELECT NEW.tenant_id, NEW.org_id, u.id, w
    FROM (SELECT id, username_key, email_key, name_words FROM grove.users WHERE tenant_id = NEW.tenant_id AND id = NEW.user_id FOR SHARE) AS u,
        infra.guest_words_of(u.username_key, u.email_key, u.name_words) AS w;
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_guest AFTER INSERT ON memberships FOR EACH ROW WHEN (NEW.kind <> 'resident') EXECUTE FUNCTION infra.write_guest_words();

-- In whichever organization's door a person is changed: those that he is a guest of are others.
CREATE FUNCTION infra.follow_guest_words() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    door text := coalesce(current_setting('grove.org_id', true), '');
BEGIN
    PERFORM set_config('grove.org_id', '', true);
    DELETE FROM grove.guest_words WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    INSERT INTO grove.guest_words (tenant_id, org_id, user_id, words)
    SELECT m.tenant_id, m.org_id, m.user_id, w
    FROM grove.memberships m, infra.guest_words_of(NEW.username_key, NEW.email_key, NEW.name_words) AS w
    WHERE m.tenant_id = NEW.tenant_id AND m.user_id = NEW.id AND m.kind <> 'resident';
    PERFORM set_config('grove.org_id', door, true);
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_guest AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.username_key, OLD.email_key, OLD.name_words) IS DISTINCT FROM (NEW.username_key, NEW.email_key, NEW.name_words))
    EXECUTE FUNCTION infra.follow_guest_words();

DROP TRIGGER keys_of_guest ON memberships;
DROP TRIGGER keys_of_changed ON users;
DROP FUNCTION infra.write_guest_keys();
DROP FUNCTION infra.follow_guest_keys();
DROP TABLE guest_keys;

-- The owner has to see the rows of all tenants for once.
ALTER TABLE memberships NO FORCE ROW LEVEL SECURITY;
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE guest_words NO FORCE ROW LEVEL SECURITY;
INSERT INTO guest_words (tenant_id, org_id, user_id, words)
SELECT m.tenant_id, m.org_id, u.id, w FROM memberships m JOIN users u ON u.tenant_id = m.tenant_id AND u.id = m.user_id,
    infra.guest_words_of(u.username_key, u.email_key, u.name_words) AS w WHERE m.kind <> 'resident';
ALTER TABLE memberships FORCE ROW LEVEL SECURITY;
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE guest_words FORCE ROW LEVEL SECURITY;
