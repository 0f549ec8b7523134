-- What they were called stays for readers of the log.
SELECT infra.keep_names('token_issuers', 'org_id', 'name');
