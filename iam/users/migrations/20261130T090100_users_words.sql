-- What the residents of an organization are found by besides username and address: the words of their names, from each word on
-- and around to those before it, so that the given and the family name may come in either order.
ALTER TABLE users ADD COLUMN name_words text COLLATE "C" NOT NULL DEFAULT ''; -- given and family name: words with one space between them

CREATE TABLE user_words (
    tenant_id uuid NOT NULL,
    org_id    uuid NOT NULL,
    user_id   uuid NOT NULL,
    words     text COLLATE "C" NOT NULL, -- no more than 100 characters of them
    PRIMARY KEY (tenant_id, user_id, words),
    FOREIGN KEY (tenant_id, user_id) REFERENCES users (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX user_words_by_words ON user_words (tenant_id, org_id, words, user_id);
SELECT infra.tenant_table('user_words');

-- words_from turns a text around at each of its words, sixteen at most.
CREATE FUNCTION infra.words_from(words text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT left(array_to_string(w[i:] || w[:i - 1], ' '), 100)
    FROM string_to_array(words, ' ') AS w, generate_series(1, least(cardinality(w), 16)) AS i
$$;

CREATE FUNCTION infra.write_user_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM grove.user_words WHERE tenant_id = NEW.tenant_id AND user_id = NEW.id;
    INSERT INTO grove.user_words (tenant_id, org_id, user_id, words)
    SELECT NEW.tenant_id, NEW.org_id, NEW.id, w FROM infra.words_from(NEW.name_words) AS w;
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_new AFTER INSERT ON users FOR EACH ROW WHEN (NEW.name_words <> '') EXECUTE FUNCTION infra.write_user_words();
CREATE TRIGGER words_of_changed AFTER UPDATE ON users FOR EACH ROW
    WHEN ((OLD.name_words, OLD.org_id) IS DISTINCT FROM (NEW.name_words, NEW.org_id)) EXECUTE FUNCTION infra.write_user_words();

-- The owner has to see the rows of all tenants for once.
ALTER TABLE users NO FORCE ROW LEVEL SECURITY;
ALTER TABLE user_words NO FORCE ROW LEVEL SECURITY;
UPDATE users SET name_words = btrim(regexp_replace(lower(normalize(given_name || ' ' || family_name, NFKC)), '[[:space:][:punct:]]+', ' ', 'g'))
WHERE given_name || family_name <> '';
ALTER TABLE users FORCE ROW LEVEL SECURITY;
ALTER TABLE user_words FORCE ROW LEVEL SECURITY;
