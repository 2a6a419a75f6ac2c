-- SagaRecovery, schema version 3: many coordinators on one database.

-- What a process says of itself. introduced: the incarnation that said so; only that may be assigned sagas. time_draining: it takes no
-- new work. time_taken_over: it was silent, and its sagas were given to others; a later sign of life makes it one of them again.
alter table {schema}.saga_coordinator
    add column version           text,
    add column introduced        bigint,
    add column says_what_it_runs boolean not null default false,
    add column time_draining     timestamptz,
    add column time_taken_over   timestamptz;

-- The definitions that a coordinator can run, if it says what it runs.
create table {schema}.saga_coordinator_definition (
    coordinator_id uuid not null references {schema}.saga_coordinator (id) on delete cascade,
    hash           bytea not null check (octet_length(hash) = 32),
    name           text not null,
    version        int not null,
    primary key (coordinator_id, hash)
);

-- How often sagas have been assigned to a coordinator, and up to which of those times it has recovered what there was; not_running: how
-- many of its sagas nobody ran then. Not in the coordinator's row, which every write about its sagas locks.
create table {schema}.saga_assignment (
    coordinator_id uuid primary key,
    assigned       bigint not null default 0,
    caught_up      bigint not null default 0,
    not_running    int not null default 0
);

alter table {schema}.saga_operator_action drop constraint saga_operator_action_lever_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_lever_check
    check (lever in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain'));
