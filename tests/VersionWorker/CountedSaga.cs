using Npgsql;
using SagaRecovery;

namespace VersionWorker;

public sealed record Batch(int Number);

/// <summary>Three steps, each of which records that it ran.</summary>
public sealed class CountedSaga(NpgsqlDataSource database) : Saga<Batch>
{
    private static readonly TimeSpan StepTime = TimeSpan.FromMilliseconds(20); // so that a kill finds steps under way

    public override string Name => "counted";

    protected override void Define(SagaBuilder<Batch> saga)
    {
        foreach (string node in (string[])["reserve", "write", "confirm"])
        {
            saga.Node(node, context => RunAsync(context.SagaId, node, context.CancellationToken));
        }
    }

    private async Task RunAsync(SagaId saga, string node, CancellationToken cancellationToken)
    {
        await using (NpgsqlCommand record = database.CreateCommand("insert into step_run (saga, node, process) values ($1, $2, $3)"))
        {
            record.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = saga.Value });
            record.Parameters.Add(new NpgsqlParameter<string> { TypedValue = node });
            record.Parameters.Add(new NpgsqlParameter<int> { TypedValue = Environment.ProcessId });
            await record.ExecuteNonQueryAsync(cancellationToken);
        }

        await Task.Delay(StepTime, cancellationToken);
    }
}
