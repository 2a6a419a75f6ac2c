using System.Diagnostics;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The round trips of a pass with nothing to do and of a heartbeat, as plain Npgsql: as many statements and parameters, and empty results.</summary>
internal sealed class BareIdleSubject : Subject
{
    public const string SubjectName = "bare statements";

    private const int Repeats = 500;

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await using NpgsqlConnection listener = await source.OpenConnectionAsync();
        long began = Stopwatch.GetTimestamp();
        meter.Note(Metric.BytesAPass, await IdleSubject.BytesOf(Repeats, () => RunPassAsync(source)));
        meter.Note(Metric.BytesAHeartbeat, await IdleSubject.BytesOf(Repeats, () => RunAsync(listener, 1, 1, 2)));
        meter.Note(Metric.Seconds, Stopwatch.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>The controls, and the listing.</summary>
    private static async Task RunPassAsync(NpgsqlDataSource source)
    {
        await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
        {
            await RunAsync(connection, 1, 1, 1, 1, 2, 1, 1);
        }

        await using (NpgsqlConnection connection = await source.OpenConnectionAsync())
        {
            await RunAsync(connection, 1, 4);
        }
    }

    /// <summary>Runs one batch.</summary>
    /// <param name="connection">The connection.</param>
    /// <param name="parameters">The number of parameters of each statement.</param>
    private static async Task RunAsync(NpgsqlConnection connection, params int[] parameters)
    {
        await using var batch = new NpgsqlBatch(connection);
        foreach (int count in parameters)
        {
            var command = new NpgsqlBatchCommand($"select where {string.Join(" and ", Enumerable.Range(1, count).Select(number => $"${number} = {number}"))}");
            for (int number = 0; number < count; number++)
            {
                command.Parameters.Add(new NpgsqlParameter<long> { TypedValue = 0 });
            }

            batch.BatchCommands.Add(command);
        }

        await batch.PrepareAsync();
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync();
        while (await reader.NextResultAsync())
        {
        }
    }
}
