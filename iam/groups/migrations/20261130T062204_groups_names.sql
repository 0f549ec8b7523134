-- What they were called stays for readers of the log.
SELECT infra.keep_names('groups', 'org_id', 'name');
