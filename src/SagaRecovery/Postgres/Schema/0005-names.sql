-- SagaRecovery, schema version 5: the names of the glossary. Nothing else changes.
-- Readable since: 5
-- Locks: saga_in_hand, saga_suspect, saga_operator_action, saga_coordinator
--
-- Processes of version 4 keep their sagas running. Their passes fail until they are replaced, since they look for the old names.

alter table {schema}.saga_in_hand rename to saga_in_flight;
alter table {schema}.saga_in_flight rename constraint saga_in_hand_pkey to saga_in_flight_pkey;
alter table {schema}.saga_in_flight rename column time_handed_over to time_resumed;

alter table {schema}.saga_suspect rename column time_accused to time_suspected;

alter table {schema}.saga_operator_action rename column lever to action;
alter table {schema}.saga_operator_action rename constraint saga_operator_action_lever_check to saga_operator_action_action_check;

-- publishes_definitions: if false, the coordinator is assumed to run every definition. profile_incarnation: the incarnation that published
-- version and definitions, and the only one that can be assigned sagas.
alter table {schema}.saga_coordinator rename column says_what_it_runs to publishes_definitions;
alter table {schema}.saga_coordinator rename column introduced to profile_incarnation;
