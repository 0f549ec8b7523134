-- What organizations are found by: their names from each of their words on, and their handles likewise.
CREATE TABLE org_words (
    tenant_id uuid NOT NULL,
    org_id    uuid NOT NULL,
    parent_id uuid, -- the organization's, as its status is, so that children are found among children and the suspended among the suspended
    status    text NOT NULL,
    words     text COLLATE "C" NOT NULL, -- no more than 100 characters of them
    PRIMARY KEY (tenant_id, org_id, words),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX org_words_by_words ON org_words (tenant_id, words, org_id);
CREATE INDEX org_words_by_status ON org_words (tenant_id, status, words, org_id);
CREATE INDEX org_words_of_children ON org_words (tenant_id, parent_id, words, org_id);
SELECT infra.tenant_table('org_words', false);

-- org_words_of cuts a comparable name and a handle. Words begin after spaces and ASCII's punctuation.
CREATE FUNCTION infra.org_words_of(name_key text, handle text) RETURNS SETOF text LANGUAGE sql IMMUTABLE AS $$
    SELECT DISTINCT left(substr(t.s, p.at), 100) FROM unnest(ARRAY[name_key, handle]) AS t (s),
        LATERAL (SELECT 1 UNION ALL SELECT i + 1 FROM generate_series(1, length(t.s) - 1) AS i
            WHERE substr(t.s, i, 1) COLLATE "C" ~ '[[:space:][:punct:]]' AND substr(t.s, i + 1, 1) COLLATE "C" !~ '[[:space:][:punct:]]') AS p (at)
$$;

CREATE FUNCTION infra.write_org_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM grove.org_words WHERE tenant_id = NEW.tenant_id AND org_id = NEW.id;
    INSERT INTO grove.org_words (tenant_id, org_id, parent_id, status, words)
    SELECT NEW.tenant_id, NEW.id, NEW.parent_id, NEW.status, w FROM infra.org_words_of(NEW.name_key, NEW.handle) AS w;
    RETURN NULL;
END $$;
CREATE TRIGGER words_of_new AFTER INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION infra.write_org_words();
CREATE TRIGGER words_of_changed AFTER UPDATE ON organizations FOR EACH ROW
    WHEN ((OLD.name_key, OLD.handle, OLD.parent_id, OLD.status) IS DISTINCT FROM (NEW.name_key, NEW.handle, NEW.parent_id, NEW.status)) EXECUTE FUNCTION infra.write_org_words();

-- The owner has to see the rows of all tenants for once.
ALTER TABLE organizations NO FORCE ROW LEVEL SECURITY;
ALTER TABLE org_words NO FORCE ROW LEVEL SECURITY;
INSERT INTO org_words (tenant_id, org_id, parent_id, status, words)
SELECT o.tenant_id, o.id, o.parent_id, o.status, w FROM organizations o, infra.org_words_of(o.name_key, o.handle) AS w;
ALTER TABLE organizations FORCE ROW LEVEL SECURITY;
ALTER TABLE org_words FORCE ROW LEVEL SECURITY;
