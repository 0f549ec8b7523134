-- The seat ledger, double entry: each line moves one seat of an organization from one account to another. Like events,
-- the lines outlive the organization.
CREATE TABLE seat_entries (
    tenant_id    uuid NOT NULL,
    id           uuid NOT NULL,
    org_id       uuid NOT NULL,
    holder       uuid NOT NULL, -- the invitation or the user that the seat is for
    from_account text NOT NULL CHECK (from_account IN ('free', 'reserved', 'used')),
    to_account   text NOT NULL CHECK (to_account IN ('free', 'reserved', 'used')),
    reason       text NOT NULL,
    at           timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    CHECK (from_account <> to_account)
);
CREATE INDEX seat_entries_by_holder ON seat_entries (tenant_id, org_id, holder, id);
SELECT infra.tenant_table('seat_entries', true, 'SELECT, INSERT');

-- The balances that the entries add up to, kept in the same transaction; the row is the organization's lock.
CREATE TABLE seat_balances (
    tenant_id  uuid NOT NULL,
    org_id     uuid NOT NULL,
    seat_limit int, -- null: unlimited
    reserved   int NOT NULL DEFAULT 0 CHECK (reserved >= 0),
    used       int NOT NULL DEFAULT 0 CHECK (used >= 0),
    version    bigint NOT NULL DEFAULT 1,
    PRIMARY KEY (tenant_id, org_id),
    FOREIGN KEY (tenant_id, org_id) REFERENCES organizations (tenant_id, id) ON DELETE CASCADE,
    CONSTRAINT seat_balances_limit CHECK (seat_limit IS NULL OR reserved + used <= seat_limit)
);
SELECT infra.tenant_table('seat_balances');
