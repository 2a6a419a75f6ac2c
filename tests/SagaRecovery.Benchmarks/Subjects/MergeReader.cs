using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>One ordered stream of sagas merged with one of events, each on a connection of its own.</summary>
internal sealed class MergeReader : RawReader
{
    public const string SubjectName = "raw merge";

    public override string Name => SubjectName;

    public override async Task ReadAsync(NpgsqlDataSource source, Guid owner, Action<RawSaga> take)
    {
        await using NpgsqlCommand selectSagas = Create(
            $"select {RawSaga.Columns} from saga_recovery.saga where {Mine} order by id");
        await using NpgsqlCommand selectEvents = Create(
            $"""
            select saga_id, {RawEvent.Columns} from saga_recovery.saga join saga_recovery.saga_node_event on saga_id = id
            where {Mine} order by id
            """);
        await using NpgsqlDataReader sagas = await selectSagas.ExecuteReaderAsync();
        await using NpgsqlDataReader events = await selectEvents.ExecuteReaderAsync();
        await OrderedStreams.MergeAsync(
            async () => await sagas.ReadAsync() ? RawSaga.Read(sagas) : null,
            async () => await events.ReadAsync() ? (events.GetGuid(0), RawEvent.Read(events)) : null,
            take);

        NpgsqlCommand Create(string sql)
        {
            NpgsqlCommand command = source.CreateCommand(sql);
            command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = owner });
            return command;
        }
    }
}
