-- SagaRecovery, schema version 7: sagas whose nodes depend on their parameters.
-- Readable since: 7
-- Locks: saga_coordinator_definition

-- any_dag: the coordinator makes the DAG from the parameters of each saga, and runs sagas of this name and version with any hash.
alter table {schema}.saga_coordinator_definition add column any_dag boolean not null default false;
