-- SagaRecovery, schema version 9: retention, tags, the cause of a failure, and listings whose cost is independent of what has ended.
-- Readable since: 8
-- Locks: saga, saga_operator_action

-- adopt_xid: the transaction in which the saga became an unfinished saga of its coordinator. A trigger keeps it, so that no package and no
-- statement by hand can forget it. time_ended: when the saga reached a state in which nothing runs it. The same trigger clears it when the saga
-- leaves that state, as when an operator of an older package retries an undo: with its earlier end, retention would delete it as soon as it ended
-- again. An end without a time, which an older package wrote, counts from the last event. failed_node, error_code: the step whose failure unwinds
-- the saga, or whose undo made it stuck.
alter table {schema}.saga
    add column if not exists adopt_xid   bigint not null default (pg_current_xact_id()::text::bigint),
    add column if not exists time_ended  timestamptz,
    add column if not exists failed_node text,
    add column if not exists error_code  text;

create or replace function {schema}.note_adoption() returns trigger language plpgsql as $function$
begin
    new.adopt_xid := pg_current_xact_id()::text::bigint;
    if new.state in ('running', 'unwinding') then
        new.time_ended := null;
    end if;
    return new;
end
$function$;

create or replace trigger saga_inserted before insert on {schema}.saga for each row
    when (new.adopt_xid is distinct from pg_current_xact_id()::text::bigint)
    execute function {schema}.note_adoption();
create or replace trigger saga_adopted before update on {schema}.saga for each row
    when (new.current_coordinator is distinct from old.current_coordinator
        or (new.state in ('running', 'unwinding') and old.state not in ('running', 'unwinding')))
    execute function {schema}.note_adoption();

-- The ranges of adopt_xid outside of which a coordinator has no unfinished saga, now or later. A listing reads nothing else. Made from a listing,
-- and used on the same run of the server and the same table only.
create table if not exists {schema}.saga_listing (
    coordinator_id uuid primary key,
    lows           bigint[] not null,
    highs          bigint[] not null,
    server_start   timestamptz not null,
    table_id       oid not null,
    time_made      timestamptz not null
);

-- Tags given at start, to find sagas by. time_created is that of the saga.
create table if not exists {schema}.saga_tag (
    saga_id      uuid not null,
    name         text not null check (octet_length(name) between 1 and 256),
    value        text not null check (octet_length(value) <= 1024),
    time_created timestamptz not null default now(),
    primary key (saga_id, name)
);
-- Serves the search by tag, newest first.
create index if not exists saga_tag_by_value on {schema}.saga_tag (name, value, time_created desc, saga_id desc);

-- Not validated, since only new values were added.
alter table {schema}.saga_operator_action drop constraint if exists saga_operator_action_action_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_action_check
    check (action in (
        'pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke',
        'retry-undo', 'skip-undo', 'cancel', 'purge', 'import', 'forget')) not valid;
