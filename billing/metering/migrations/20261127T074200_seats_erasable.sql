SELECT infra.system_table('seat_entries', 'SELECT');
SELECT infra.erasable_table('seat_entries');
