-- SagaRecovery: divides the table of events into {partitions} partitions by the id of the saga. For tables of any version since 1.
-- Copies all events, behind a lock that no process can write beside: run it while the table is empty or small, or while no process runs.
-- The new table has the owner that runs this, and no grants: repeat those of the old one.
begin;
set local lock_timeout = '100ms';
lock table {schema}.saga_node_event in access exclusive mode;
alter table {schema}.saga_node_event rename to saga_node_event_whole;
create table {schema}.saga_node_event (like {schema}.saga_node_event_whole including defaults including constraints including storage)
    partition by hash (saga_id);
do $partitions$ begin
    for i in 0..{partitions} - 1 loop
        execute format('create table {schema}.saga_node_event_%s partition of {schema}.saga_node_event for values with (modulus {partitions}, remainder %s)', i, i);
    end loop;
end $partitions$;
insert into {schema}.saga_node_event select * from {schema}.saga_node_event_whole;
drop table {schema}.saga_node_event_whole;
alter table {schema}.saga_node_event add constraint saga_node_event_pkey primary key (saga_id, node_id, event_type);
commit;
