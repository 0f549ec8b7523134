-- What people were called stays for readers of the log.
SELECT infra.keep_names('users', 'org_id', $$coalesce(nullif(btrim(given_name || ' ' || family_name), ''), username)$$);
