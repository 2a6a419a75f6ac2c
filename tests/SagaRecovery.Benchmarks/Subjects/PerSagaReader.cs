using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Lists the sagas, then queries each by itself: one prepared round trip per saga.</summary>
internal sealed class PerSagaReader : RawReader
{
    public const string SubjectName = "raw one by one";

    public override string Name => SubjectName;

    public override async Task ReadAsync(NpgsqlDataSource source, Guid owner, Action<RawSaga> take)
    {
        List<Guid> ids = await ListAsync(source, owner);
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        var id = new NpgsqlParameter<Guid>();
        var idOfEvents = new NpgsqlParameter<Guid>();
        await using var batch = new NpgsqlBatch(connection)
        {
            BatchCommands =
            {
                new NpgsqlBatchCommand($"select {RawSaga.Columns} from saga_recovery.saga where id = $1") { Parameters = { id } },
                new NpgsqlBatchCommand($"select saga_id, {RawEvent.Columns} from saga_recovery.saga_node_event where saga_id = $1")
                {
                    Parameters = { idOfEvents },
                },
            },
        };
        await batch.PrepareAsync();
        foreach (Guid one in ids)
        {
            id.TypedValue = idOfEvents.TypedValue = one;
            take(await ReadOneAsync(batch));
        }
    }

    /// <summary>The ids of the sagas that a coordinator is to recover.</summary>
    public static async Task<List<Guid>> ListAsync(NpgsqlDataSource source, Guid owner)
    {
        await using NpgsqlCommand list = source.CreateCommand($"select id from saga_recovery.saga where {Mine} order by id");
        list.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = owner });
        await using NpgsqlDataReader reader = await list.ExecuteReaderAsync();
        List<Guid> ids = [];
        while (await reader.ReadAsync())
        {
            ids.Add(reader.GetGuid(0));
        }

        return ids;
    }

    private static async Task<RawSaga> ReadOneAsync(NpgsqlBatch batch)
    {
        await using NpgsqlDataReader reader = await batch.ExecuteReaderAsync();
        await reader.ReadAsync();
        RawSaga saga = RawSaga.Read(reader);
        await reader.NextResultAsync();
        while (await reader.ReadAsync())
        {
            saga.Events.Add(RawEvent.Read(reader));
        }

        return saga;
    }
}
