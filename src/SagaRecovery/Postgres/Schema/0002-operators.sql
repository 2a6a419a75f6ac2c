-- SagaRecovery, schema version 2: heartbeats, holds, pauses, suspects and operator actions.
-- Readable since: 2
-- Locks: saga_coordinator

-- Heartbeats. time_seen: the last heartbeat. time_left: the time of the shutdown; null: the process runs, or crashed. A join keeps both
-- values of the previous process.
alter table {schema}.saga_coordinator
    add column time_seen          timestamptz not null default now(),
    add column time_left          timestamptz,
    add column previous_time_seen timestamptz,
    add column previous_time_left timestamptz;

-- Sagas that are not resumed until an operator releases them.
create table {schema}.saga_hold (
    saga_id   uuid primary key,
    time_held timestamptz not null default now(),
    actor     text not null,
    reason    text not null
);

-- Coordinators whose recovery is paused.
create table {schema}.saga_recovery_pause (
    coordinator_id uuid primary key,
    time_paused    timestamptz not null default now(),
    actor          text not null,
    reason         text not null
);

-- Sagas in flight: resumed, and not yet past probation. One row for each batch, written before the batch is resumed.
create table {schema}.saga_in_hand (
    coordinator_id   uuid not null,
    incarnation      bigint not null,
    batch            bigint generated always as identity,
    time_handed_over timestamptz not null default clock_timestamp(),
    saga_ids         uuid[] not null,
    primary key (coordinator_id, incarnation, batch)
);

-- Sagas that were in flight when a process crashed. steps: the number of steps completed by then; progress resets the count of crashes.
create table {schema}.saga_suspect (
    saga_id      uuid primary key,
    group_size   int not null check (group_size > 0),
    deaths_alone int not null check (deaths_alone >= 0),
    steps        bigint not null,
    time_accused timestamptz not null default now()
);

-- Every operator action, with actor and reason.
create table {schema}.saga_operator_action (
    id             bigint generated always as identity primary key,
    time_taken     timestamptz not null default clock_timestamp(),
    lever          text not null
        check (lever in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error')),
    coordinator_id uuid,
    saga_id        uuid,
    actor          text not null,
    reason         text not null
);
-- Serve the last operator actions on one coordinator, and those on one saga.
create index saga_operator_action_by_coordinator on {schema}.saga_operator_action (coordinator_id, id);
create index saga_operator_action_by_saga on {schema}.saga_operator_action (saga_id, id);
