SELECT infra.erasable_table('events');
SELECT infra.erasable_table('event_chain');
