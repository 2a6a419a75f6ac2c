-- SagaRecovery, schema version 4: a join is known by more than its number.

-- token: the join itself, compared in every write, heartbeat and read. server_start, table_id: the run of the server and the table in which
-- the join was made; in another (after a fail-over, a restart, a restore of a folder or a dump) it counts no more, until its process has
-- joined again. predecessors: the tokens of
-- the joins before, newest first, by which a process tells a row that has gone back in time from one that another process has joined in.
-- Writers lock a number made of the id, not this row. Processes of earlier versions lock the row: they are fenced by this step, cannot
-- join again for want of a token, and cannot take sagas from others for want of an operator action's id.
alter table {schema}.saga_coordinator
    add column token        uuid not null default gen_random_uuid(),
    add column predecessors uuid[] not null default '{}',
    add column server_start timestamptz not null default 'epoch',
    add column table_id     oid not null default 0;
alter table {schema}.saga_coordinator
    alter column token drop default, alter column server_start drop default, alter column table_id drop default;
update {schema}.saga_coordinator set incarnation = incarnation + 1;

-- Each insert of a saga would share a lock on the row of its definition, and overlapping ones would cost a MultiXactId each. The insert
-- itself asks whether the definition is there.
alter table {schema}.saga drop constraint saga_definition_hash_fkey;

-- Numbered by what is there, not by a sequence: logical replication carries no sequences.
alter table {schema}.saga_operator_action alter column id drop identity;
alter table {schema}.saga_in_hand alter column batch drop identity;

alter table {schema}.saga_operator_action drop constraint saga_operator_action_lever_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_lever_check
    check (lever in ('pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke'));
