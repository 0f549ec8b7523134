-- Streams of security events to receivers (OpenID Shared Signals Framework 1.0): docs/adr/0034.
CREATE TABLE signal_streams (
    tenant_id   uuid NOT NULL,
    id          uuid NOT NULL,
    org_id      uuid NOT NULL, -- that owns the app
    app_id      uuid NOT NULL, -- the receiver
    client_id   text COLLATE "C" NOT NULL, -- its name outside, by which it is looked up
    issuer      text COLLATE "C" NOT NULL, -- of the base that the stream was made at: iss
    base_org_id uuid, -- the organization whose base that is; null: the tenant's own
    description text NOT NULL,
    method      text NOT NULL CHECK (method IN ('poll', 'push')),
    endpoint    text NOT NULL, -- where to push
    header      bytea, -- the Authorization header of pushes, sealed under the tenant's data key
    requested   text[] NOT NULL, -- types of events that the receiver asked for
    status      text NOT NULL CHECK (status IN ('disabled', 'enabled', 'paused')),
    reason      text NOT NULL,
    held        boolean NOT NULL DEFAULT false, -- an administrator stopped it: the receiver cannot start it again
    fed         bigint NOT NULL, -- the link of the tenant's event chain up to which events were brought to the stream
    next        bigint NOT NULL DEFAULT 1, -- place in the queue of what comes next
    tries       int NOT NULL DEFAULT 0, -- of the push at the head that failed
    failing_at  timestamptz, -- since when pushes fail
    error       text NOT NULL DEFAULT '',
    error_at    timestamptz,
    taken_at    timestamptz NOT NULL, -- when the receiver last took something, or the stream was made or started
    asked_at    timestamptz, -- when it last asked for a verification
    lease       uuid, -- of the job that pushes
    lease_until timestamptz,
    created_at  timestamptz NOT NULL,
    updated_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, id),
    FOREIGN KEY (tenant_id, app_id) REFERENCES apps (tenant_id, id) ON DELETE CASCADE
);
CREATE INDEX signal_streams_by_app ON signal_streams (tenant_id, app_id, id);
CREATE INDEX signal_streams_by_org ON signal_streams (tenant_id, org_id, id);
SELECT infra.tenant_table('signal_streams');

-- What waits to be taken: no token and nothing about people but ids. Tokens are made when they are sent.
CREATE TABLE signal_queue (
    tenant_id  uuid NOT NULL,
    stream_id  uuid NOT NULL,
    place      bigint NOT NULL,
    id         uuid NOT NULL, -- jti
    org_id     uuid NOT NULL, -- that owns the app
    kind       text NOT NULL, -- the event's type
    txn        text NOT NULL, -- what caused it
    user_id    uuid, -- whom it is about; null: the stream
    session_id uuid,
    via_org_id uuid, -- in which the receiver's app is available and he is a member
    in_org     boolean NOT NULL, -- whether it is about him in that organization alone
    data       jsonb NOT NULL, -- the members of the event
    at         timestamptz NOT NULL, -- when it happened
    created_at timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, place),
    CONSTRAINT signal_queue_id UNIQUE (tenant_id, stream_id, id),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES signal_streams (tenant_id, id) ON DELETE CASCADE
);
SELECT infra.tenant_table('signal_queue');

-- Whom a receiver does not want to hear of: a person, an organization, or a person in an organization.
CREATE TABLE signal_exclusions (
    tenant_id   uuid NOT NULL,
    stream_id   uuid NOT NULL,
    user_id     uuid NOT NULL, -- all zeros: anybody
    of_org_id   uuid NOT NULL, -- all zeros: anywhere
    org_id      uuid NOT NULL, -- that owns the app
    created_at  timestamptz NOT NULL,
    PRIMARY KEY (tenant_id, stream_id, user_id, of_org_id),
    FOREIGN KEY (tenant_id, stream_id) REFERENCES signal_streams (tenant_id, id) ON DELETE CASCADE
);
SELECT infra.tenant_table('signal_exclusions');
