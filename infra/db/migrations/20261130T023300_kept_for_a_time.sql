-- What is kept for a time is found by its age, whichever tenant's it is.
CREATE INDEX idempotency_keys_by_time ON idempotency_keys (created_at);
CREATE INDEX epochs_by_time ON epochs (changed_at) WHERE kind IN ('session', 'grant', 'token');
DROP INDEX idempotency_keys_by_age;
DROP INDEX epochs_by_age;
