-- Claims about the person that he let the application be told, by name; NULL where he was only asked by scope. And those that he
-- said no to.
ALTER TABLE consents ADD COLUMN attributes text[], ADD COLUMN declined text[] NOT NULL DEFAULT '{}';
