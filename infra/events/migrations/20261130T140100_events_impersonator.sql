-- Who acted as the actor; null: he himself.
ALTER TABLE events ADD COLUMN impersonator_id uuid;
