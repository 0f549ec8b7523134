-- Which catalogue of permissions a tenant's management API was last brought up to, so that a start looks at the tenants that
-- lack something and not at all of them.
ALTER TABLE api_resources ADD COLUMN catalogue text COLLATE "C" NOT NULL DEFAULT '';
CREATE INDEX api_resources_catalogue ON api_resources (catalogue) WHERE builtin;
GRANT UPDATE (catalogue) ON api_resources TO grove_system;
