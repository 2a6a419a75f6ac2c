-- SagaRecovery, schema version 2: what recovery and operators keep beside the sagas.

-- Signs of life. time_left: the process shut down; null: it runs, or crashed. What the process before it left behind is kept when
-- the next one joins: when it was last seen, and whether it had left.
alter table {schema}.saga_coordinator
    add column time_seen          timestamptz not null default now(),
    add column time_left          timestamptz,
    add column previous_time_seen timestamptz,
    add column previous_time_left timestamptz;

-- Sagas that are not handed over until somebody releases them.
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

-- Sagas that a process has handed over and not outlived by its probation yet: one row for each batch, written before it is handed over.
create table {schema}.saga_in_hand (
    coordinator_id   uuid not null,
    incarnation      bigint not null,
    batch            bigint generated always as identity,
    time_handed_over timestamptz not null default clock_timestamp(),
    saga_ids         uuid[] not null,
    primary key (coordinator_id, incarnation, batch)
);

-- Sagas that were in hand when a process died. steps: how many of its steps had ended then; progress clears the count of deaths.
create table {schema}.saga_suspect (
    saga_id      uuid primary key,
    group_size   int not null check (group_size > 0),
    deaths_alone int not null check (deaths_alone >= 0),
    steps        bigint not null,
    time_accused timestamptz not null default now()
);

-- Every lever that was pulled, by whom and why.
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
-- Serves the last levers that concern one coordinator, and those of one saga.
create index saga_operator_action_by_coordinator on {schema}.saga_operator_action (coordinator_id, id);
create index saga_operator_action_by_saga on {schema}.saga_operator_action (saga_id, id);
