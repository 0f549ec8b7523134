-- What they were called stays for readers of the log.
SELECT infra.keep_names('invitations', 'org_id', 'email');
