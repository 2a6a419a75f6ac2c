-- SagaRecovery, schema version 1. "{schema}" stands for the configured schema name.
-- Readable since: 1
-- Locks: none
-- Applied as a whole, in one transaction.

create table {schema}.schema_version (
    version      int primary key,
    time_applied timestamptz not null default now()
);

-- One row for each coordinator. Its incarnation is the fence: a write about a saga takes a shared lock on this row; joining, reassigning
-- and abandoning take an exclusive one.
create table {schema}.saga_coordinator (
    id          uuid primary key,
    incarnation bigint not null check (incarnation > 0),
    host        text not null,
    process_id  int not null,
    time_joined timestamptz not null default now()
);

-- One row for each distinct definition, shared by its sagas. "json" keeps the exact text that was hashed.
create table {schema}.saga_definition (
    hash    bytea primary key check (octet_length(hash) = 32),
    name    text not null,
    version int not null,
    dag     json not null
);

create table {schema}.saga (
    id                  uuid primary key,
    name                text not null,
    creator             uuid not null,
    time_created        timestamptz not null default now(),
    definition_hash     bytea not null references {schema}.saga_definition (hash),
    params              json not null,
    state               text not null default 'running'
        check (state in ('running', 'unwinding', 'succeeded', 'unwound', 'stuck', 'abandoned')),
    current_coordinator uuid,
    adopt_generation    bigint not null default 1 check (adopt_generation > 0),
    adopt_time          timestamptz not null default now(),
    abandon_time        timestamptz,
    abandon_reason      text,
    abandon_comment     text,
    constraint saga_says_why_it_was_abandoned check (
        (state = 'abandoned') = (abandon_time is not null)
        and (abandon_time is null) = (abandon_reason is null)
        and (abandon_time is null) = (abandon_comment is null))
);

-- Serves the listing: the unfinished sagas of one coordinator, in the order of their ids.
create unique index saga_in_progress on {schema}.saga (current_coordinator, id) where state in ('running', 'unwinding');

-- The log. It has no foreign key: every insert checks the saga's row itself, so a key-share lock for each event would guard nothing.
create table {schema}.saga_node_event (
    saga_id    uuid not null,
    node_id    int not null check (node_id >= 0),
    event_type text not null
        check (event_type in ('started', 'succeeded', 'failed', 'undo_started', 'undo_finished', 'undo_failed')),
    data       json,
    event_time timestamptz not null default now(),
    creator    uuid not null,
    primary key (saga_id, node_id, event_type)
);
