-- SagaRecovery, schema version 6: cancellation, deadlines, and holds that stop a run.
-- Readable since: 6
-- Locks: saga, saga_hold, saga_operator_action

-- cancel_*: any process may request the cancellation; the owner unwinds the saga, and its success is refused. deadline: the owner cancels the
-- saga at this time.
alter table {schema}.saga
    add column deadline      timestamptz,
    add column cancel_time   timestamptz,
    add column cancel_actor  text,
    add column cancel_reason text;

-- Serves the passes: the running sagas of one coordinator whose cancellation was requested.
create index saga_cancelled on {schema}.saga (current_coordinator, id) where cancel_time is not null and state = 'running';

-- stops_run: a present run stops at the next step boundary.
alter table {schema}.saga_hold add column stops_run boolean not null default false;

alter table {schema}.saga_operator_action drop constraint saga_operator_action_action_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_action_check
    check (action in (
        'pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke',
        'retry-undo', 'skip-undo', 'cancel'));
