using System.Collections.Concurrent;
using System.Text;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The saga log in Postgres. Lock and write travel as one batch, which the server runs to its commit by itself.</summary>
internal sealed class PostgresSagaLog : ISagaLog
{
    internal const int MaxCreatedTogether = 500;
    internal const int MaxConcurrentCreations = 2;
    private const int MostTries = 5;

    private readonly PostgresDatabase _database;
    private readonly GroupCommit<Membership, NewSaga, bool> _creations;
    private readonly ConcurrentDictionary<DefinitionHash, bool> _stored = new(); // definitions that are certainly in the database

    public PostgresSagaLog(PostgresDatabase database)
    {
        _database = database;
        _creations = new GroupCommit<Membership, NewSaga, bool>(CreateAsync, weigh: _ => 1, MaxCreatedTogether, MaxConcurrentCreations);
    }

    private Statements Sql => _database.Statements;

    public Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken) =>
        _creations.WriteAsync(member, saga, cancellationToken);

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        List<List<int>> turns = TurnsOf(entries);
        (bool counts, bool[] written) = await PostgresFence.WriteAsync(
            _database,
            Sql.Lock,
            member,
            Build,
            reader => ReadWrittenAsync(reader, turns, entries.Count, cancellationToken),
            cancellationToken,
            asksFirst: false).ConfigureAwait(false);
        if (!counts)
        {
            await ThrowRefusedAsync(member, cancellationToken).ConfigureAwait(false);
        }

        if (written.Contains(value: false))
        {
            await AcceptRepeatsAsync(member, entries, written, cancellationToken).ConfigureAwait(false);
        }

        return written;

        void Build(NpgsqlBatch batch)
        {
            foreach (List<int> turn in turns)
            {
                AddEntries(batch.Add(Sql.Append, member), turn.ConvertAll(index => entries[index]));
            }
        }
    }

    public async Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken) =>
        await PostgresFence.WriteAsync(
            _database,
            Sql.Lock,
            member,
            batch => batch.Add(Sql.Restore, member)
                .With(everything.SagaId.Value)
                .With(everything.Generation.Value)
                .With(NameOf(everything.NewState)!)
                .With(everything.Events.Select(one => one.NodeId).ToArray())
                .With(everything.Events.Select(one => SagaNames.Of(one.Type)).ToArray())
                .WithJson(everything.Events.Select(one => TextOf(one.Data)).ToArray()),
            async reader =>
            {
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                return reader.GetString(0) switch
                {
                    "restored" => RestoreOutcome.Restored,
                    "superseded" => RestoreOutcome.Superseded,
                    "lost" => RestoreOutcome.Lost,
                    _ => RestoreOutcome.NotOurs,
                };
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Inserts sagas, and tries again where that is certain to do no harm: after a connection that had died, or where the database has
    /// lost a definition that was believed to be there. Not to be cancelled by one of those whose sagas these are; the time-out for
    /// commands bounds it.
    /// </summary>
    private async Task<IReadOnlyList<bool>> CreateAsync(Membership member, IReadOnlyList<NewSaga> sagas)
    {
        NpgsqlException? unanswered = null;
        for (int tries = 1; ; tries++)
        {
            try
            {
                IReadOnlyList<bool> created = await InsertAsync(member, sagas).ConfigureAwait(false);
                if (created.All(isNew => isNew))
                {
                    return created;
                }

                if (tries == MostTries || !await ForgetLostDefinitionsAsync(sagas).ConfigureAwait(false))
                {
                    return tries == 1 ? created : await SettleAsync(member, sagas, created).ConfigureAwait(false);
                }
            }
            catch (NpgsqlException exception) when (tries < MostTries && ConnectionRetry.SaysNothingOfTheBatch(exception))
            {
                unanswered = exception; // once more, on another connection
            }
            catch (Exception refusal) when (unanswered is not null && refusal is JoinLostException or CoordinatorFencedException)
            {
                throw unanswered; // this try inserted nothing; whether an earlier one did is open, and the refusal would deny it
            }
        }
    }

    /// <returns>Whether the database has lost a definition that was believed to be there, so that it is to be inserted again.</returns>
    private async Task<bool> ForgetLostDefinitionsAsync(IReadOnlyList<NewSaga> sagas)
    {
        DefinitionHash[] needed = [.. sagas.Select(saga => saga.Definition.Hash).Distinct()];
        List<DefinitionHash> known = await _database.ReadAsync(
            batch => batch.Add(Sql.KnownDefinitions).With(needed.Select(hash => hash.ToBytes()).ToArray()),
            rows => rows.ListAsync(row => DefinitionHash.FromBytes(row.GetFieldValue<byte[]>(0))),
            CancellationToken.None).ConfigureAwait(false);
        DefinitionHash[] lost = [.. needed.Except(known).Where(hash => _stored.TryRemove(hash, out _))];
        return lost.Length > 0;
    }

    /// <summary>A try before this one may have inserted what this one found there.</summary>
    private async Task<IReadOnlyList<bool>> SettleAsync(Membership member, IReadOnlyList<NewSaga> sagas, IReadOnlyList<bool> created)
    {
        NewSaga[] found = [.. sagas.Where((_, index) => !created[index])];
        HashSet<Guid> before = await _database.ReadAsync(
            batch => batch.Add(Sql.InsertedBefore)
                .With(member.Coordinator.Value)
                .With(found.Select(saga => saga.Id.Value).ToArray())
                .With(found.Select(saga => saga.Definition.Hash.ToBytes()).ToArray())
                .WithJson(found.Select(saga => TextOf(saga.Parameters)).ToArray()),
            async rows => (await rows.ListAsync(row => row.GetGuid(0)).ConfigureAwait(false)).ToHashSet(),
            CancellationToken.None).ConfigureAwait(false);
        return [.. sagas.Select((saga, index) => created[index] || before.Remove(saga.Id.Value))];
    }

    private async Task<IReadOnlyList<bool>> InsertAsync(Membership member, IReadOnlyList<NewSaga> sagas)
    {
        SavedDefinition[] unstored =
            [.. sagas.Select(saga => saga.Definition).Where(definition => !_stored.ContainsKey(definition.Hash)).DistinctBy(definition => definition.Hash)];
        HashSet<Guid> created = await PostgresFence.WriteAsync(
            _database, Sql.Lock, member, Build, ReadCreatedAsync, CancellationToken.None, mayRepeat: false).ConfigureAwait(false);
        foreach (SavedDefinition definition in unstored)
        {
            _stored.TryAdd(definition.Hash, true);
        }

        return [.. sagas.Select(saga => created.Remove(saga.Id.Value))]; // of one id that stands here twice, the first

        void Build(NpgsqlBatch batch)
        {
            foreach (SavedDefinition definition in unstored)
            {
                batch.Add(Sql.InsertDefinition, member)
                    .With(definition.Hash.ToBytes()).With(definition.Name).With(definition.Version)
                    .WithJson(definition.Dag);
            }

            AddSagas(batch.Add(Sql.InsertSagas, member), sagas);
        }
    }

    /// <summary>Adds sagas to a statement that takes them as <see cref="Statements.InsertSagas"/> does.</summary>
    internal static void AddSagas(NpgsqlBatchCommand insert, IReadOnlyList<NewSaga> sagas) => insert
        .With(sagas.Select(saga => saga.Id.Value).ToArray())
        .With(sagas.Select(saga => saga.Definition.Name).ToArray())
        .With(sagas.Select(saga => saga.Definition.Hash.ToBytes()).ToArray())
        .WithJson(sagas.Select(saga => Encoding.UTF8.GetString(saga.Parameters.Span)).ToArray())
        .With(AdoptGeneration.Initial.Value);

    private static async Task<HashSet<Guid>> ReadCreatedAsync(NpgsqlDataReader reader)
    {
        HashSet<Guid> created = [];
        while (await reader.ReadAsync().ConfigureAwait(false))
        {
            created.Add(reader.GetGuid(0));
        }

        return created;
    }

    /// <summary>
    /// The entries by index, in turns: one statement does not see what it writes itself, so what comes after the end of its saga goes
    /// into the next, which finds the saga ended. As good as always there is one turn.
    /// </summary>
    private static List<List<int>> TurnsOf(IReadOnlyList<SagaLogEntry> entries)
    {
        List<List<int>> turns = [[]];
        Dictionary<SagaId, int> afterEnd = [];
        for (int i = 0; i < entries.Count; i++)
        {
            SagaLogEntry entry = entries[i];
            int turn = afterEnd.GetValueOrDefault(entry.SagaId);
            if (turn == turns.Count)
            {
                turns.Add([]);
            }

            turns[turn].Add(i);
            if (entry.NewState is not (null or SagaState.Running or SagaState.Unwinding))
            {
                afterEnd[entry.SagaId] = turn + 1;
            }
        }

        return turns;
    }

    /// <summary>Nothing was written, since this process's join does not count where the statement was answered: finds out why, and throws.</summary>
    private async Task ThrowRefusedAsync(Membership member, CancellationToken cancellationToken)
    {
        JoinRow? present = await _database.ReadAsync(
            batch => batch.Add(Sql.Present).With(member.Coordinator.Value), rows => rows.FirstAsync(JoinRow.Of), cancellationToken).ConfigureAwait(false);
        PostgresFence.EnsureCounts(_database, member, present);
        throw new JoinLostException(member); // it counts where this was asked, which is another server or another time
    }

    /// <summary>Answers for entries that were not written: they may have been before, and their saga has ended since: an answer was lost.</summary>
    private async Task AcceptRepeatsAsync(Membership member, IReadOnlyList<SagaLogEntry> entries, bool[] written, CancellationToken cancellationToken)
    {
        int[] refused = [.. Enumerable.Range(0, written.Length).Where(index => !written[index])];
        (long Ordinal, SavedNodeEvent Event)[] events =
            [.. refused.SelectMany((index, i) => entries[index].Events.Select(nodeEvent => (i + 1L, nodeEvent)))];
        List<long> standing = await _database.ReadAsync(
            batch => batch.Add(Sql.StandAlready)
                .With(member.Coordinator.Value)
                .With(refused.Select(index => entries[index].SagaId.Value).ToArray())
                .With(refused.Select(index => entries[index].Generation.Value).ToArray())
                .With(refused.Select(index => NameOf(entries[index].NewState)).ToArray())
                .With(events.Select(one => one.Ordinal).ToArray())
                .With(events.Select(one => one.Event.NodeId).ToArray())
                .With(events.Select(one => SagaNames.Of(one.Event.Type)).ToArray()),
            rows => rows.ListAsync(row => row.GetInt64(0)),
            cancellationToken).ConfigureAwait(false);
        standing.ForEach(ordinal => written[refused[ordinal - 1]] = true);
    }

    /// <summary>Adds entries to a statement that takes them as <see cref="Statements.Append"/> does.</summary>
    internal static void AddEntries(NpgsqlBatchCommand append, IReadOnlyList<SagaLogEntry> entries)
    {
        int count = entries.Sum(entry => entry.Events.Count);
        var ordinals = new long[count];
        var nodes = new int[count];
        var types = new string[count];
        var data = new string?[count];
        int i = 0;
        for (int entry = 0; entry < entries.Count; entry++)
        {
            foreach (SavedNodeEvent nodeEvent in entries[entry].Events)
            {
                ordinals[i] = entry + 1;
                nodes[i] = nodeEvent.NodeId;
                types[i] = SagaNames.Of(nodeEvent.Type);
                data[i] = TextOf(nodeEvent.Data);
                i++;
            }
        }

        append
            .With(entries.Select(entry => entry.SagaId.Value).ToArray())
            .With(entries.Select(entry => entry.Generation.Value).ToArray())
            .With(entries.Select(entry => NameOf(entry.NewState)).ToArray())
            .With(ordinals).With(nodes).With(types).WithJson(data);
    }

    private static string? TextOf(ReadOnlyMemory<byte> json) => json.IsEmpty ? null : Encoding.UTF8.GetString(json.Span);

    private static string? NameOf(SagaState? state) => state is { } known ? SagaNames.Of(known) : null;

    private static async Task<(bool Counts, bool[] Written)> ReadWrittenAsync(
        NpgsqlDataReader reader, List<List<int>> turns, int count, CancellationToken cancellationToken)
    {
        bool counts = false;
        var written = new bool[count];
        foreach (List<int> turn in turns)
        {
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (reader.GetInt64(0) is > 0 and long ordinal)
                {
                    written[turn[(int)ordinal - 1]] = true;
                }
                else
                {
                    counts = true;
                }
            }

            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        }

        return (counts, written);
    }
}
