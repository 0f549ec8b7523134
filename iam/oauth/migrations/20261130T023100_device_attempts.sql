-- How many user codes that name no device were entered from one address, in a window.
CREATE TABLE device_attempts (
    tenant_id uuid NOT NULL,
    address   text COLLATE "C" NOT NULL, -- an IPv6 address without its last 64 bits
    attempts  integer NOT NULL,
    since     timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, address)
);
CREATE INDEX device_attempts_by_age ON device_attempts (since);
SELECT infra.tenant_table('device_attempts');
SELECT infra.system_table('device_attempts', 'SELECT, DELETE');
