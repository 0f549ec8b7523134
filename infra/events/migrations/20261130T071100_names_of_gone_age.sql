-- What was deleted is called something for a time only; see upkeep.
CREATE INDEX names_of_gone_by_time ON names_of_gone (gone_at);
SELECT infra.system_table('names_of_gone', 'SELECT, DELETE');
