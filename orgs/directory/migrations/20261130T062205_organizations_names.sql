-- What they were called stays for readers of the log.
SELECT infra.keep_names('organizations', 'id', 'name');
