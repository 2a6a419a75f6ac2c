using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The query that a pass needs at least: every saga in progress of one coordinator, in one stream, prepared.</summary>
internal sealed class ListingSubject : Subject
{
    public const string SubjectName = "raw listing";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        await using var list = new NpgsqlCommand(
            """
            select id, name, adopt_generation from saga_recovery.saga
            where current_coordinator = $1 and state in ('running', 'unwinding') order by id
            """,
            connection)
        {
            Parameters = { new NpgsqlParameter<Guid> { TypedValue = task.Owner } },
        };
        await list.PrepareAsync();
        await WarmUp.RunAsync(task.WarmUpRounds, () => ReadAsync(list));
        await ReadAsync(list);
        await meter.RepeatAsync(task.Repeats, () => ReadAsync(list));
    }

    private static async Task<long> ReadAsync(NpgsqlCommand list)
    {
        await using NpgsqlDataReader reader = await list.ExecuteReaderAsync();
        long rows = 0;
        while (await reader.ReadAsync())
        {
            rows++;
            _ = (reader.GetGuid(0), reader.GetString(1), reader.GetInt64(2));
        }

        return rows;
    }
}
