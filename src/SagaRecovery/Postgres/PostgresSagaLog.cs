using System.Collections.Concurrent;
using System.Text;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>The saga log in Postgres. Lock and write travel as one batch, which the server runs to its commit by itself.</summary>
internal sealed class PostgresSagaLog(PostgresDatabase database) : ISagaLog
{
    private readonly ConcurrentDictionary<DefinitionHash, bool> _stored = new(); // definitions that are certainly in the database

    public async Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        SavedDefinition definition = saga.Definition;
        bool created = await PostgresFence.WriteAsync(
            database, database.Statements.Lock, member, Build, reader => reader.ReadAsync(cancellationToken), cancellationToken)
            .ConfigureAwait(false);
        _stored.TryAdd(definition.Hash, true);
        return created;

        void Build(NpgsqlBatch batch)
        {
            if (!_stored.ContainsKey(definition.Hash))
            {
                batch.Add(database.Statements.InsertDefinition, member)
                    .With(definition.Hash.ToBytes()).With(definition.Name).With(definition.Version)
                    .WithJson(definition.Dag);
            }

            batch.Add(database.Statements.InsertSaga, member)
                .With(saga.Id.Value).With(definition.Name).With(definition.Hash.ToBytes())
                .WithJson(saga.Parameters)
                .With(AdoptGeneration.Initial.Value);
        }
    }

    public Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        return PostgresFence.WriteAsync(
            database, database.Statements.Lock, member, Build, reader => ReadWrittenAsync(reader, entries.Count, cancellationToken), cancellationToken);

        void Build(NpgsqlBatch batch)
        {
            AddEvents(batch, member, entries);
            AddStates(batch, member, entries);
        }
    }

    private void AddEvents(NpgsqlBatch batch, Membership member, IReadOnlyList<SagaLogEntry> entries)
    {
        int count = entries.Sum(entry => entry.Events.Count);
        if (count == 0)
        {
            return;
        }

        var sagas = new Guid[count];
        var generations = new long[count];
        var states = new string?[count];
        var nodes = new int[count];
        var types = new string[count];
        var data = new string?[count];
        int i = 0;
        foreach (SagaLogEntry entry in entries)
        {
            foreach (SavedNodeEvent nodeEvent in entry.Events)
            {
                sagas[i] = entry.SagaId.Value;
                generations[i] = entry.Generation.Value;
                states[i] = NameOf(entry.NewState);
                nodes[i] = nodeEvent.NodeId;
                types[i] = PostgresNames.Of(nodeEvent.Type);
                data[i] = nodeEvent.Data.IsEmpty ? null : Encoding.UTF8.GetString(nodeEvent.Data.Span);
                i++;
            }
        }

        batch.Add(database.Statements.AppendEvents, member)
            .With(sagas).With(generations).With(states).With(nodes).With(types).WithJson(data);
    }

    private void AddStates(NpgsqlBatch batch, Membership member, IReadOnlyList<SagaLogEntry> entries) =>
        batch.Add(database.Statements.AppendStates, member)
            .With(entries.Select(entry => entry.SagaId.Value).ToArray())
            .With(entries.Select(entry => entry.Generation.Value).ToArray())
            .With(entries.Select(entry => NameOf(entry.NewState)).ToArray());

    private static string? NameOf(SagaState? state) => state is { } known ? PostgresNames.Of(known) : null;

    private static async Task<IReadOnlyList<bool>> ReadWrittenAsync(NpgsqlDataReader reader, int count, CancellationToken cancellationToken)
    {
        var written = new bool[count];
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            written[reader.GetInt64(0) - 1] = true;
        }

        return written;
    }
}
