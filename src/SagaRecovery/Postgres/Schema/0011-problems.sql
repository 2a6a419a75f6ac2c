-- SagaRecovery, schema version 11: crash loops, and acknowledged problems.
-- Readable since: 8
-- Locks: saga_coordinator

-- previous_time_joined: when the previous process joined. An older package does not keep it up to date: its processes then seem to have lived for long.
alter table {schema}.saga_coordinator add column if not exists previous_time_joined timestamptz;

-- The problems that operators have acknowledged. problem: its id, such as stuck:UUID. A problem that begins after the acknowledgement is a new one.
create table if not exists {schema}.saga_acknowledgement (
    problem           text primary key,
    time_acknowledged timestamptz not null default clock_timestamp(),
    actor             text not null,
    reason            text not null
);

-- Coordinators whose last processes crashed soon after their joins. In peace it has no rows. incarnation: the one that recorded it. crashes: the number
-- of these processes. watch_from: the number from which on the probation of resumed sagas is longer. probation: that time; null: the normal one.
-- failed_controls: the number of consecutive ones that crashed before they had resumed a suspect. last_lived: from the join of the last of them to its last heartbeat. time_began: the first of them.
create table if not exists {schema}.saga_crash_loop (
    coordinator_id  uuid primary key,
    incarnation     bigint not null,
    crashes         int not null check (crashes > 0),
    watch_from      int not null,
    probation       interval,
    failed_controls int not null,
    last_lived      interval not null,
    time_began      timestamptz not null default clock_timestamp()
);
