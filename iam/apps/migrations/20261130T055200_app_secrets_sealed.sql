-- Of apps whose method is client_secret_jwt the secret itself, sealed under the tenant's data key: an HMAC cannot be verified by a hash.
ALTER TABLE app_secrets ADD COLUMN sealed bytea;
