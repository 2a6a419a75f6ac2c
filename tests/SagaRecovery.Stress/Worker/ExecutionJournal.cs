using Dapper;
using Npgsql;
using SagaRecovery.Coordinators;

namespace SagaRecovery.Stress.Worker;

/// <summary>Records every run of an action, outside the saga log and its fence: the actions of a process, not only those it was allowed to write.</summary>
internal sealed class ExecutionJournal(NpgsqlDataSource source, SagaCoordinator coordinator)
{
    /// <summary>In a schema of its own, as is the list of the seeded sagas.</summary>
    public const string Schema = """
        create schema if not exists stress;
        create table if not exists stress.seeded (saga_id uuid primary key, kind text not null);
        create table if not exists stress.execution (
            saga_id uuid not null, node text not null, incarnation bigint not null, time timestamptz not null default clock_timestamp());
        """;

    public async Task NoteAsync<TParameters>(NodeContext<TParameters> context)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync(context.CancellationToken);
        await connection.ExecuteAsync(
            "insert into stress.execution (saga_id, node, incarnation) values (@Saga, @NodeName, @Incarnation)",
            new { Saga = context.SagaId.Value, context.NodeName, Incarnation = coordinator.Status.Incarnation!.Value.Value });
    }
}
