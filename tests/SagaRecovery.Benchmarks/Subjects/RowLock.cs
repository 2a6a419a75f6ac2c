using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The fence of version 3 of the tables, word for word: every write shares a lock on the coordinator's row, and compares its incarnation.
/// The alternative is docs/decisions/0002-fencing-by-the-owners-row.md. A batch outside a transaction is a transaction of its own.
/// </summary>
internal sealed class RowLock : IFence
{
    private const string Lock =
        """
        select incarnation, set_config('enable_seqscan', 'off', true), set_config('enable_mergejoin', 'off', true)
        from saga_recovery.saga_coordinator where id = $1 and incarnation = $2 for share
        """;

    private const string InsertSagas =
        """
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, deadline, state, current_coordinator, adopt_generation)
        select n.id, n.name, $1, n.hash, n.params, n.deadline, 'running', $1, $8
        from unnest($3, $4, $5, $6, $7) as n (id, name, hash, params, deadline)
        where exists (select from saga_recovery.saga_coordinator where id = $1 and incarnation = $2)
        order by n.id
        on conflict do nothing
        returning id
        """;

    private const string Append =
        """
        with owned as materialized (
            select e.ordinal, e.saga_id, e.new_state
            from unnest($3, $4, $5) with ordinality as e (saga_id, generation, new_state, ordinal)
            where exists (
                select from saga_recovery.saga s
                where s.id = e.saga_id and s.current_coordinator = $1 and s.adopt_generation = e.generation
                    and s.state in ('running', 'unwinding')
                offset 0)
            and exists (select from saga_recovery.saga_coordinator where id = $1 and incarnation = $2)
        ), events as (
            insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
            select ($3)[n.ordinal], n.node_id, n.event_type, n.data, $1
            from unnest($6, $7, $8, $9) as n (ordinal, node_id, event_type, data)
            where (n.ordinal in (select o.ordinal from owned o)) is true
            on conflict (saga_id, node_id, event_type) do nothing
        ), changed as (
            update saga_recovery.saga s set state = w.new_state
            from (select distinct on (saga_id) saga_id, new_state from owned where new_state is not null order by saga_id, ordinal desc) w
            where s.id = w.saga_id and s.state <> w.new_state
        )
        select ordinal from owned
        """;

    public void AddLock(NpgsqlBatch batch, Membership member) => Add(batch, Lock, member);

    public NpgsqlBatchCommand AddAppend(NpgsqlBatch batch, Membership member) => Add(batch, Append, member);

    public static NpgsqlBatchCommand AddInsertSagas(NpgsqlBatch batch, Membership member) => Add(batch, InsertSagas, member);

    public void AddCommit(NpgsqlBatch batch)
    {
    }

    private static NpgsqlBatchCommand Add(NpgsqlBatch batch, string statement, Membership member) =>
        batch.Add(statement).With(member.Coordinator.Value).With(member.Incarnation.Value);
}
