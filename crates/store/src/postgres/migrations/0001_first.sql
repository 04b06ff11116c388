-- Everything that Milepost keeps, as in the embedded store: ids are 16 big-endian bytes and grow with time; an owner is the id of a
-- merchant and one byte for the mode (0 sandbox, 1 live), the operator's that of merchant 0 and live; times are milliseconds since the
-- Unix epoch; money is in minor units. What happens to a merchant happens under its keys: the owner leads them wherever there is one.
--
-- Portable SQL only. There are no foreign keys: they would cost a look-up on every insert, and `verify` checks more than they could.

-- The small part of an escrow that changes with every commit: where it stands, its balances, its event chain.
CREATE TABLE escrows (
    owner        BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    id           BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    version      BIGINT NOT NULL CHECK (version >= 1),
    status       TEXT   NOT NULL,
    payment_type TEXT   NOT NULL,
    currency     TEXT   NOT NULL,
    created      BIGINT NOT NULL,
    body         TEXT   NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX escrows_by_id ON escrows (id);
CREATE INDEX escrows_by_state ON escrows (owner, status, payment_type, currency, id);

-- The parts of escrows that seldom change, each written only when it does. What a kind is, the program knows; 2, 3 and 6 (settlements,
-- refunds, disputes) are found by their ids and listed. place orders the parts of a kind by when they came into being; waits is 1 where
-- somebody has to act.
CREATE TABLE parts (
    owner  BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    escrow BYTEA  NOT NULL CHECK (octet_length(escrow) = 16),
    kind   BIGINT NOT NULL CHECK (kind >= 0),
    id     BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    place  BIGINT NOT NULL,
    waits  BIGINT NOT NULL CHECK (waits IN (0, 1)),
    body   TEXT   NOT NULL,
    PRIMARY KEY (owner, escrow, kind, id)
);
CREATE UNIQUE INDEX parts_by_id ON parts (kind, id) WHERE kind IN (2, 3, 6);
CREATE INDEX parts_by_owner ON parts (owner, kind, id) WHERE kind IN (2, 3, 6);
CREATE INDEX parts_that_wait ON parts (kind, id) WHERE waits = 1;

-- What escrows are found by of their metadata: UTF-8 in bytes, since it may have any character.
CREATE TABLE metadata (
    owner  BYTEA NOT NULL CHECK (octet_length(owner) = 17),
    name   BYTEA NOT NULL,
    value  BYTEA NOT NULL,
    escrow BYTEA NOT NULL CHECK (octet_length(escrow) = 16),
    PRIMARY KEY (owner, name, value, escrow)
);

-- The ledger. subject is the milestone, settlement or refund that it was made for, method the rail or payout method.
CREATE TABLE transfers (
    owner      BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    id         BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    intent     BYTEA  NOT NULL CHECK (octet_length(intent) = 16),
    created    BIGINT NOT NULL,
    kind       TEXT   NOT NULL,
    subject    BYTEA  CHECK (octet_length(subject) = 16),
    method     TEXT,
    minor      BIGINT NOT NULL CHECK (minor > 0),
    currency   TEXT   NOT NULL,
    from_after BIGINT NOT NULL,
    to_after   BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE INDEX transfers_by_intent ON transfers (owner, intent, id);
CREATE INDEX transfers_by_kind ON transfers (owner, currency, kind, id);

-- The running totals of owners.
CREATE TABLE balances (
    owner    BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    account  TEXT   NOT NULL,
    currency TEXT   NOT NULL,
    minor    BIGINT NOT NULL,
    PRIMARY KEY (owner, account, currency)
);

-- The place of the last event of each owner. Whoever changes what an owner has locks this row first, so that the owner's totals, clock
-- and stream change in one order for all gateways.
CREATE TABLE streams (
    owner BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(owner) = 17),
    last  BIGINT NOT NULL CHECK (last >= 0)
);

-- What happened. position counts the events of an owner in the order of their commits, from 1; sequence those of a subject: an intent,
-- or a journal.
CREATE TABLE events (
    owner    BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    position BIGINT NOT NULL CHECK (position >= 1),
    subject  BYTEA  NOT NULL CHECK (octet_length(subject) = 16),
    sequence BIGINT NOT NULL CHECK (sequence >= 1),
    id       BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    created  BIGINT NOT NULL,
    hash     BYTEA  NOT NULL CHECK (octet_length(hash) = 32),
    type     TEXT   NOT NULL,
    body     BYTEA  NOT NULL,
    PRIMARY KEY (owner, position)
);
CREATE UNIQUE INDEX events_by_subject ON events (owner, subject, sequence);
CREATE UNIQUE INDEX events_by_id ON events (id);
CREATE INDEX events_by_type ON events (owner, type, position);

-- Duties. due is by the owner's clock; run_at is when it can be claimed, in real time: its due time, or the end of its lease. token is
-- that of the lease, 0 when nobody holds one; it is drawn from lease_tokens, so that every lease has a higher one than those before.
CREATE TABLE jobs (
    owner    BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    intent   BYTEA  NOT NULL CHECK (octet_length(intent) = 16),
    duty     BIGINT NOT NULL CHECK (duty >= 1),
    subject  BYTEA  NOT NULL CHECK (octet_length(subject) IN (0, 16)),
    due      BIGINT NOT NULL,
    run_at   BIGINT NOT NULL,
    token    BIGINT NOT NULL CHECK (token >= 0),
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    PRIMARY KEY (owner, intent, duty, subject)
);
CREATE INDEX jobs_by_time ON jobs (run_at);
CREATE SEQUENCE lease_tokens;

-- How far sandboxes' clocks are ahead of real time.
CREATE TABLE clocks (
    owner    BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(owner) = 17),
    ahead_ms BIGINT NOT NULL CHECK (ahead_ms >= 0)
);

-- Who moves a sandbox's clock, by the lease of this token, until then.
CREATE TABLE clock_leases (
    owner      BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(owner) = 17),
    holder     BYTEA  CHECK (octet_length(holder) = 16),
    token      BIGINT NOT NULL CHECK (token >= 0),
    held_until BIGINT NOT NULL
);

-- Answers given under idempotency keys.
CREATE TABLE replies (
    owner       BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    key         TEXT   NOT NULL,
    fingerprint BYTEA  NOT NULL CHECK (octet_length(fingerprint) = 32),
    status      BIGINT NOT NULL CHECK (status BETWEEN 0 AND 65535),
    created     BIGINT NOT NULL,
    body        BYTEA  NOT NULL,
    PRIMARY KEY (owner, key)
);
CREATE INDEX replies_by_time ON replies (created);

-- Which intent of an owner names a transaction: the first that did, for ever.
CREATE TABLE claims (
    owner  BYTEA NOT NULL CHECK (octet_length(owner) = 17),
    hash   BYTEA NOT NULL CHECK (octet_length(hash) = 32),
    intent BYTEA NOT NULL CHECK (octet_length(intent) = 16),
    PRIMARY KEY (owner, hash)
);
CREATE INDEX claims_by_intent ON claims (intent, hash);

CREATE TABLE merchants (
    id      BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(id) = 16),
    name    TEXT   NOT NULL UNIQUE,
    created BIGINT NOT NULL
);

-- API keys, without their secrets. scopes has blanks between them, and is null for everything.
CREATE TABLE keys (
    owner     BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    id        BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    hash      BYTEA  NOT NULL UNIQUE CHECK (octet_length(hash) = 32),
    kind      TEXT   NOT NULL,
    last_four TEXT   NOT NULL,
    created   BIGINT NOT NULL,
    expires   BIGINT,
    revoked   BIGINT,
    name      TEXT,
    scopes    TEXT,
    last_used BIGINT,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX keys_by_id ON keys (id);

-- What happens to a holder of keys and not to one of its intents; count and head are the chain of the events so far.
CREATE TABLE journals (
    owner BYTEA  NOT NULL PRIMARY KEY CHECK (octet_length(owner) = 17),
    id    BYTEA  NOT NULL UNIQUE CHECK (octet_length(id) = 16),
    count BIGINT NOT NULL CHECK (count >= 1),
    head  BYTEA  NOT NULL CHECK (octet_length(head) = 32)
);

-- Where events are sent to. state: enabled, why not, or deleted. events is what is chosen, as JSON. secret counts the secrets, which
-- follow from the gateway's own and are not here; previous_until is how long the one before signs as well. cursor is the place in the
-- owner's stream up to which everything chosen has a delivery; failing_since is by the owner's clock, all else in real time. holder is
-- the gateway that tells it, by the lease of this token, until then.
CREATE TABLE endpoints (
    owner          BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    id             BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    state          TEXT   NOT NULL,
    url            TEXT   NOT NULL,
    description    TEXT,
    events         TEXT   NOT NULL,
    secret         BIGINT NOT NULL CHECK (secret >= 1),
    previous_until BIGINT,
    created        BIGINT NOT NULL,
    updated        BIGINT NOT NULL,
    cursor         BIGINT NOT NULL CHECK (cursor >= 0),
    failing_since  BIGINT,
    holder         BYTEA  CHECK (octet_length(holder) = 16),
    token          BIGINT NOT NULL CHECK (token >= 0),
    held_until     BIGINT NOT NULL,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX endpoints_by_id ON endpoints (id);

-- Events that endpoints are told: position is that of the event in the stream of the endpoint's owner. due is when there will be a
-- call, by the owner's clock, and null when there will be none. tries counts the calls that were made because it was time, asked how
-- often somebody asked for one, heard how often that was when the last one was made. attempts are the last calls, as JSON.
CREATE TABLE deliveries (
    endpoint BYTEA  NOT NULL CHECK (octet_length(endpoint) = 16),
    position BIGINT NOT NULL CHECK (position >= 1),
    id       BYTEA  NOT NULL UNIQUE CHECK (octet_length(id) = 16),
    state    TEXT   NOT NULL CHECK ((state = 'pending') = (due IS NOT NULL)),
    due      BIGINT,
    tries    BIGINT NOT NULL CHECK (tries >= 0),
    asked    BIGINT NOT NULL CHECK (asked >= 0),
    heard    BIGINT NOT NULL CHECK (heard BETWEEN 0 AND asked),
    created  BIGINT NOT NULL,
    updated  BIGINT NOT NULL,
    attempts TEXT   NOT NULL,
    PRIMARY KEY (endpoint, position)
);
CREATE INDEX deliveries_to_come ON deliveries (endpoint, due) WHERE due IS NOT NULL;
CREATE INDEX deliveries_not_taken ON deliveries (endpoint, state, position) WHERE state <> 'succeeded';

-- The log of requests, a help to developers. Bodies are masked; they are bytes since they may have any character.
CREATE TABLE requests (
    owner           BYTEA  NOT NULL CHECK (octet_length(owner) = 17),
    id              BYTEA  NOT NULL CHECK (octet_length(id) = 16),
    key             BYTEA  NOT NULL CHECK (octet_length(key) = 16),
    method          TEXT   NOT NULL,
    path            BYTEA  NOT NULL,
    query           BYTEA,
    status          BIGINT NOT NULL,
    created         BIGINT NOT NULL,
    latency_ms      BIGINT NOT NULL,
    idempotency_key BYTEA,
    sent            BYTEA,
    answered        BYTEA,
    PRIMARY KEY (owner, id)
);
CREATE UNIQUE INDEX requests_by_id ON requests (id);
CREATE INDEX requests_by_time ON requests (created);

-- How often keys were used in windows of time, by all gateways together.
CREATE TABLE tallies (
    key         BYTEA  NOT NULL CHECK (octet_length(key) = 16),
    window_kind BIGINT NOT NULL,
    since       BIGINT NOT NULL,
    total       BIGINT NOT NULL,
    PRIMARY KEY (key, window_kind, since)
);
CREATE INDEX tallies_by_time ON tallies (since);

-- Single numbers: the time before which replies are forgotten, how often the store was probed.
CREATE TABLE counters (
    name  TEXT   NOT NULL PRIMARY KEY,
    value BIGINT NOT NULL
);

-- A row for every commit of the last hours, so that one whose reply was lost can be looked up. Whoever looks writes the row itself, void,
-- where there is none: then the commit can never happen any more. made is in the database's time.
CREATE TABLE commits (
    id      BIGINT  NOT NULL PRIMARY KEY,
    is_void BOOLEAN NOT NULL,
    made    BIGINT  NOT NULL
);
CREATE SEQUENCE commit_ids;
CREATE INDEX commits_by_time ON commits (made);

-- What the secret of the gateways must look like: a keyed hash, so that one with another secret is noticed before it does harm.
CREATE TABLE secrets (
    name        TEXT  NOT NULL PRIMARY KEY,
    fingerprint BYTEA NOT NULL CHECK (octet_length(fingerprint) = 32)
);
