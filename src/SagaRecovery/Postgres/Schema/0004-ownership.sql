-- SagaRecovery, schema version 4: a token identifies a join.
-- Readable since: 4
-- Locks: saga_coordinator, saga, saga_definition, saga_operator_action, saga_in_hand

-- token: the identity of the join, compared in every write, heartbeat and read. server_start, table_id: the run of the server and the table
-- in which the join was made. Elsewhere (after a fail-over, a restart, a restore of a folder or a dump) the join is invalid until its
-- process joins again. predecessors: the tokens of the preceding joins, newest first. With them a process distinguishes a row from an earlier
-- state of the database from a row in which another process has joined.
-- Writers lock a number derived from the id, not this row. Processes of earlier versions lock the row. This step fences them. They cannot
-- join again without a token, and cannot take over sagas without an id for the operator action.
alter table {schema}.saga_coordinator
    add column token        uuid not null default gen_random_uuid(),
    add column predecessors uuid[] not null default '{}',
    add column server_start timestamptz not null default 'epoch',
    add column table_id     oid not null default 0;
alter table {schema}.saga_coordinator
    alter column token drop default, alter column server_start drop default, alter column table_id drop default;
update {schema}.saga_coordinator set incarnation = incarnation + 1;

-- With the foreign key, each insert of a saga takes a shared lock on the row of its definition, and overlapping inserts cost a MultiXactId
-- each. The insert itself checks that the definition exists.
alter table {schema}.saga drop constraint saga_definition_hash_fkey;

-- Numbered by the highest number in the table, not by a sequence: logical replication does not copy sequences.
alter table {schema}.saga_operator_action alter column id drop identity;
alter table {schema}.saga_in_hand alter column batch drop identity;

alter table {schema}.saga_operator_action drop constraint saga_operator_action_lever_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_lever_check
    check (lever in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke'));
