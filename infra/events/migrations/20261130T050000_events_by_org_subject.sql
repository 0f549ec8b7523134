-- What happened to one thing is read in one organization's log at a time.
CREATE INDEX events_by_org_subject ON events (tenant_id, org_id, subject, id DESC);
DROP INDEX events_by_subject;
