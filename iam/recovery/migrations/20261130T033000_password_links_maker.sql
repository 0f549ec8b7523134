-- Who made a link, as he was then. Links that were made before nobody vouches for.
ALTER TABLE password_links ADD COLUMN made_by jsonb NOT NULL DEFAULT '{}';
