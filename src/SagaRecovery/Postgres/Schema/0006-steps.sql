-- SagaRecovery, schema version 6: the operator actions on steps that fail, hang or are cancelled.

alter table {schema}.saga_operator_action drop constraint saga_operator_action_action_check;
alter table {schema}.saga_operator_action add constraint saga_operator_action_action_check
    check (action in (
        'pause', 'resume', 'hold', 'release', 'retry', 'abandon', 'inject-error', 'reassign', 'take-over', 'drain', 'revoke',
        'retry-undo', 'skip-undo', 'cancel'));
