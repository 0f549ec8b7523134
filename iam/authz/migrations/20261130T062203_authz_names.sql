-- What they were called stays for readers of the log.
SELECT infra.keep_names('api_resources', 'org_id', 'name');
SELECT infra.keep_names('roles', 'org_id', 'name');
