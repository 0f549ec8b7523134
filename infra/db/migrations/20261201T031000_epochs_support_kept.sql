-- Those of support accesses are kept for a time too.
DROP INDEX epochs_by_time;
CREATE INDEX epochs_by_time ON epochs (changed_at) WHERE kind IN ('session', 'grant', 'support_access', 'token');
