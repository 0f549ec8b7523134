-- Whether people find the app among those that they may open.
ALTER TABLE apps ADD COLUMN discoverable boolean NOT NULL DEFAULT true;
