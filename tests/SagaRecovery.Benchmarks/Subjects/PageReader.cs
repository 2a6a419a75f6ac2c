using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Pages by key, and the events of each page with <c>= any</c>: the best of the raw readers.</summary>
internal sealed class PageReader : RawReader
{
    public const string SubjectName = "raw pages";

    private const int PageSize = 500;

    public override string Name => SubjectName;

    public override async Task ReadAsync(NpgsqlDataSource source, Guid owner, Action<RawSaga> take)
    {
        await using NpgsqlConnection connection = await source.OpenConnectionAsync();
        var after = new NpgsqlParameter<Guid> { TypedValue = Guid.Empty };
        await using var sagas = new NpgsqlCommand(
            $"select {RawSaga.Columns} from saga_recovery.saga where {Mine} and id > $2 order by id limit {PageSize}", connection)
        {
            Parameters = { new NpgsqlParameter<Guid> { TypedValue = owner }, after },
        };
        var ids = new NpgsqlParameter<Guid[]> { TypedValue = [] };
        await using var events = new NpgsqlCommand(
            $"select saga_id, {RawEvent.Columns} from saga_recovery.saga_node_event where saga_id = any ($1)", connection)
        {
            Parameters = { ids },
        };
        await sagas.PrepareAsync();
        await events.PrepareAsync();

        List<RawSaga> page;
        do
        {
            page = await ReadSagasAsync(sagas);
            ids.TypedValue = [.. page.Select(saga => saga.Id)];
            await ReadEventsAsync(events, page.ToDictionary(saga => saga.Id));
            page.ForEach(take);
            after.TypedValue = page.Count == 0 ? Guid.Empty : page[^1].Id;
        }
        while (page.Count == PageSize);
    }

    private static async Task<List<RawSaga>> ReadSagasAsync(NpgsqlCommand sagas)
    {
        List<RawSaga> page = new(PageSize);
        await using NpgsqlDataReader reader = await sagas.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            page.Add(RawSaga.Read(reader));
        }

        return page;
    }

    private static async Task ReadEventsAsync(NpgsqlCommand events, Dictionary<Guid, RawSaga> page)
    {
        await using NpgsqlDataReader reader = await events.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            page[reader.GetGuid(0)].Events.Add(RawEvent.Read(reader));
        }
    }
}
