-- Which authorization details types (RFC 9396) of the API resource an app may ask for.
ALTER TABLE app_apis ADD COLUMN authorization_details_types text[] NOT NULL DEFAULT '{}';
