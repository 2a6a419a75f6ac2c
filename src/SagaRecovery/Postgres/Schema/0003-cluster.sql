-- SagaRecovery, schema version 3: many coordinators on one database.
-- Readable since: 3
-- Locks: saga_coordinator, saga_operator_action

-- The profile of a process. introduced: the incarnation that published it, and the only one that can be assigned sagas. time_draining: it
-- takes no new work. time_taken_over: it was silent, and its sagas were reassigned; after a later heartbeat it is active again.
alter table {schema}.saga_coordinator
    add column version           text,
    add column introduced        bigint,
    add column says_what_it_runs boolean not null default false,
    add column time_draining     timestamptz,
    add column time_taken_over   timestamptz;

-- The definitions that a coordinator can run, if it publishes them.
create table {schema}.saga_coordinator_definition (
    coordinator_id uuid not null references {schema}.saga_coordinator (id) on delete cascade,
    hash           bytea not null check (octet_length(hash) = 32),
    name           text not null,
    version        int not null,
    primary key (coordinator_id, hash)
);

-- assigned: the number of the last assignment of sagas to a coordinator. caught_up: the number of the last one that its recovery has handled.
-- not_running: the number of its sagas that no process ran at that time. A table of its own, since every write locks the coordinator's row.
create table {schema}.saga_assignment (
    coordinator_id uuid primary key,
    assigned       bigint not null default 0,
    caught_up      bigint not null default 0,
    not_running    int not null default 0
);

alter table {schema}.saga_operator_action drop constraint saga_operator_action_lever_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_lever_check
    check (lever in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain'));
