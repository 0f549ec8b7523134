-- Whether apps that nobody here set up may ask for an API's scopes.
ALTER TABLE api_resources ADD COLUMN registered_clients boolean NOT NULL DEFAULT false CHECK (NOT (builtin AND registered_clients));
