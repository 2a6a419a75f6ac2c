using Npgsql;
using NpgsqlTypes;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>As <see cref="MergeReader"/>, by <c>COPY … TO STDOUT (FORMAT BINARY)</c>.</summary>
internal sealed class CopyReader : RawReader
{
    public const string SubjectName = "raw copy";

    public override string Name => SubjectName;

    public override async Task ReadAsync(NpgsqlDataSource source, Guid owner, Action<RawSaga> take)
    {
        string mine = Mine.Replace("$1", $"'{owner}'"); // copy takes no parameters; a Guid needs no quoting
        await using NpgsqlConnection first = await source.OpenConnectionAsync();
        await using NpgsqlConnection second = await source.OpenConnectionAsync();
        await using NpgsqlBinaryExporter sagas = await first.BeginBinaryExportAsync(
            $"copy (select {RawSaga.Columns} from saga_recovery.saga where {mine} order by id) to stdout (format binary)");
        await using NpgsqlBinaryExporter events = await second.BeginBinaryExportAsync(
            $"""
            copy (select saga_id, {RawEvent.Columns} from saga_recovery.saga join saga_recovery.saga_node_event on saga_id = id
                where {mine} order by id) to stdout (format binary)
            """);
        await OrderedStreams.MergeAsync(() => ReadSagaAsync(sagas), () => ReadEventAsync(events), take);
    }

    private static async ValueTask<RawSaga?> ReadSagaAsync(NpgsqlBinaryExporter sagas) => await sagas.StartRowAsync() < 0
        ? null
        : new RawSaga(
            await sagas.ReadAsync<Guid>(),
            await sagas.ReadAsync<string>(),
            await sagas.ReadAsync<string>(),
            await sagas.ReadAsync<long>(),
            await sagas.ReadAsync<byte[]>(),
            await sagas.ReadAsync<byte[]>(NpgsqlDbType.Json));

    private static async ValueTask<(Guid, RawEvent)?> ReadEventAsync(NpgsqlBinaryExporter events) => await events.StartRowAsync() < 0
        ? null
        : (await events.ReadAsync<Guid>(),
            new RawEvent(await events.ReadAsync<int>(), await events.ReadAsync<string>(), await events.ReadAsync<byte[]>(NpgsqlDbType.Json)));
}
