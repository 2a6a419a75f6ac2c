using System.Data.Common;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The saga log in Postgres. Lock, write and commit travel as one batch.</summary>
internal sealed class PostgresSagaLog : ISagaLog
{
    internal const int MaxCreatedTogether = 500;
    internal const int MaxConcurrentCreations = 2;
    private const int MaxAttempts = 5;

    /// <summary>The size up to which a saga counts as one row of a group. A larger one, with its parameters and DAG, counts for more.</summary>
    private const int BytesPerRow = 8 * 1024;

    private readonly PostgresDatabase _database;
    private readonly GroupCommit<Membership, NewSaga, bool> _creations;
    private readonly StoredDefinitions _definitions;

    public PostgresSagaLog(PostgresDatabase database, StoredDefinitions definitions)
    {
        _database = database;
        _definitions = definitions;
        _creations = new GroupCommit<Membership, NewSaga, bool>(CreateAsync, Weigh, MaxCreatedTogether, MaxConcurrentCreations, failure => WaitsForId(failure) || (failure is DbException rejected && rejected.IsForTheData()));
    }

    private Statements Sql => _database.Statements;

    /// <summary>Returns true for a start that waited for an open transaction which starts a saga with the same id.</summary>
    private static bool WaitsForId(Exception failure) => failure is PostgresException { SqlState: PostgresErrorCodes.LockNotAvailable };

    private static int Weigh(NewSaga saga) => 1 + saga.Events.Count + ((saga.Parameters.Length + saga.Definition.Dag.Length) / BytesPerRow);

    public Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken) =>
        _creations.WriteAsync(member, saga, cancellationToken);

    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        (bool isMember, bool[] written) = await AppendOnceOrAgainAsync(member, entries, cancellationToken).ConfigureAwait(false);
        if (!isMember)
        {
            await ThrowRefusedAsync(member, cancellationToken).ConfigureAwait(false);
        }

        if (written.Contains(value: false))
        {
            await AcceptRepeatsAsync(member, entries, written, cancellationToken).ConfigureAwait(false);
        }

        return written;
    }

    private async Task<(bool IsMember, bool[] Written)> AppendOnceOrAgainAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        try
        {
            return await AppendAsync(member, entries, mayExist: false, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.UniqueViolation)
        {
            return await AppendAsync(member, entries, mayExist: true, cancellationToken).ConfigureAwait(false); // an attempt whose answer was lost has written an event
        }
    }

    private async Task<(bool IsMember, bool[] Written)> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, bool mayExist, CancellationToken cancellationToken)
    {
        List<List<int>> rounds = SplitIntoRounds(entries);
        return await PostgresFence.WriteAsync(
            _database,
            Sql.Lock,
            member,
            Build,
            reader => ReadWrittenAsync(reader, rounds, entries.Count, cancellationToken),
            cancellationToken,
            checksJoin: false).ConfigureAwait(false);

        void Build(NpgsqlBatch batch)
        {
            foreach (List<int> round in rounds)
            {
                List<SagaLogEntry> group = round.ConvertAll(index => entries[index]);
                bool hasCauses = mayExist || group.Exists(entry => entry.Cancellation is not null || entry.Failure is not null);
                NpgsqlBatchCommand append = batch.Add(mayExist ? Sql.AppendRepeated : hasCauses ? Sql.AppendCauses : Sql.Append, member);
                AddEntries(append, group);
                if (hasCauses)
                {
                    AddCauses(append, group);
                }
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
                .With(everything.Events.Select(nodeEvent => nodeEvent.NodeId).ToArray())
                .With(everything.Events.Select(nodeEvent => SagaNames.Of(nodeEvent.Type)).ToArray())
                .WithJson(everything.Events.Select(nodeEvent => PostgresFence.JsonOrNull(nodeEvent.Data)).ToArray())
                .With(everything.Cancellation?.At.ToUniversalTime())
                .With(everything.Cancellation?.Note.Actor)
                .With(everything.Cancellation?.Note.Reason)
                .With(everything.WrittenWithData.Select(nodeEvent => nodeEvent.NodeId).ToArray())
                .With(everything.WrittenWithData.Select(nodeEvent => SagaNames.Of(nodeEvent.Type)).ToArray())
                .With(everything.OpenSteps.SelectMany(step => step.Ends.Select(_ => step.Node)).ToArray())
                .With(everything.OpenSteps.SelectMany(step => step.Ends.Select(SagaNames.Of)).ToArray())
                .With(SagaFailure.Storable(everything.Failure?.Node))
                .With(SagaFailure.Storable(everything.Failure?.ErrorCode)),
            async reader =>
            {
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                return reader.GetString(0) switch
                {
                    "restored" => RestoreOutcome.Restored,
                    "superseded" => RestoreOutcome.Superseded,
                    "lost" => RestoreOutcome.Lost,
                    _ => RestoreOutcome.NotOwned,
                };
            },
            cancellationToken).ConfigureAwait(false);

    /// <summary>
    /// Inserts a group of sagas. Retries only where a retry is harmless: after a dead connection, or if the database has lost a definition.
    /// The callers share the insert, so none of them can cancel it. The command time-out bounds it.
    /// </summary>
    private async Task<IReadOnlyList<bool>> CreateAsync(Membership member, IReadOnlyList<NewSaga> sagas)
    {
        NpgsqlException? unanswered = null;
        for (int attempt = 1; ; attempt++)
        {
            try
            {
                IReadOnlyList<bool> created = await InsertAsync(member, sagas).ConfigureAwait(false);
                if (created.All(isNew => isNew))
                {
                    return created;
                }

                if (attempt == MaxAttempts || !await _definitions.ForgetLostAsync(sagas.Select(saga => saga.Definition), CancellationToken.None).ConfigureAwait(false))
                {
                    return attempt == 1 ? created : await CreditEarlierAttemptsAsync(member, sagas, created).ConfigureAwait(false);
                }
            }
            catch (NpgsqlException exception) when (attempt < MaxAttempts && ConnectionRetry.IsTransient(exception) && !WaitsForId(exception))
            {
                unanswered = exception; // retry on another connection
            }
            catch (Exception exception) when (unanswered is not null && exception is JoinLostException or CoordinatorFencedException)
            {
                throw unanswered; // this attempt inserted nothing, but an earlier one may have, which the other exception would deny
            }
        }
    }

    /// <summary>Counts a saga as created if an earlier attempt, whose answer was lost, inserted it.</summary>
    private async Task<IReadOnlyList<bool>> CreditEarlierAttemptsAsync(Membership member, IReadOnlyList<NewSaga> sagas, IReadOnlyList<bool> created)
    {
        NewSaga[] found = [.. sagas.Where((_, index) => !created[index])];
        HashSet<Guid> before = await _database.ReadAsync(
            batch => AddInserted(batch.Add(Sql.FindInsertedBefore), member, found),
            async rows => (await rows.ListAsync(row => row.GetGuid(0)).ConfigureAwait(false)).ToHashSet(),
            CancellationToken.None).ConfigureAwait(false);
        return [.. sagas.Select((saga, index) => created[index] || before.Remove(saga.Id.Value))];
    }

    /// <summary>Adds sagas as the parameters of <see cref="Statements.FindInsertedBefore"/>.</summary>
    internal static void AddInserted(NpgsqlBatchCommand find, Membership member, IReadOnlyList<NewSaga> sagas) => AddFirstEvents(
        find
            .With(member.Coordinator.Value)
            .With(sagas.Select(saga => saga.Id.Value).ToArray())
            .With(sagas.Select(saga => saga.Definition.Hash.ToBytes()).ToArray())
            .WithJson(sagas.Select(saga => PostgresFence.JsonOrNull(saga.Parameters)).ToArray()),
        sagas);

    private async Task<IReadOnlyList<bool>> InsertAsync(Membership member, IReadOnlyList<NewSaga> sagas)
    {
        SavedDefinition[] unknown = _definitions.Unknown(sagas.Select(saga => saga.Definition));
        HashSet<Guid> created = await PostgresFence.WriteAsync(
            _database, Sql.Lock, member, Build, ReadCreatedAsync, CancellationToken.None, mayRepeat: false).ConfigureAwait(false);
        _definitions.Add(unknown);
        return [.. sagas.Select(saga => created.Remove(saga.Id.Value))]; // if an id appears twice, only the first is new

        void Build(NpgsqlBatch batch)
        {
            batch.Add(Statements.LimitLockWait);
            batch.Add(_database.Definitions.Lock).With(sagas.Select(saga => saga.Definition.Hash).Distinct().Select(hash => hash.ToBytes()).ToArray());
            foreach (SavedDefinition definition in unknown)
            {
                StoredDefinitions.AddInsert(batch, Sql, member, definition);
            }

            bool haveMore = sagas.Any(saga => saga.Events.Count > 0 || saga.Tags.Count > 0);
            NpgsqlBatchCommand insert = batch.Add(haveMore ? Sql.InsertSagasWithEvents : Sql.InsertSagas, member);
            AddSagas(insert, sagas);
            if (haveMore)
            {
                NewSaga[] first = [.. sagas.DistinctBy(saga => saga.Id)];
                AddFirstEvents(insert, first).WithJson(first.SelectMany(saga => saga.Events.Select(nodeEvent => PostgresFence.JsonOrNull(nodeEvent.Data))).ToArray());
                AddTags(insert, first);
            }
        }
    }

    /// <summary>Adds sagas as the parameters of <see cref="Statements.InsertSagas"/>.</summary>
    internal static void AddSagas(NpgsqlBatchCommand insert, IReadOnlyList<NewSaga> sagas) => insert
        .With(sagas.Select(saga => saga.Id.Value).ToArray())
        .With(sagas.Select(saga => saga.Definition.Name).ToArray())
        .With(sagas.Select(saga => saga.Definition.Hash.ToBytes()).ToArray())
        .WithJson(sagas.Select(saga => (ReadOnlyMemory<byte>?)saga.Parameters).ToArray())
        .With(sagas.Select(saga => saga.Deadline?.ToUniversalTime()).ToArray())
        .With(AdoptGeneration.Initial.Value);

    /// <summary>Adds the first events of sagas as parallel arrays: saga, node and type.</summary>
    private static NpgsqlBatchCommand AddFirstEvents(NpgsqlBatchCommand command, IReadOnlyList<NewSaga> sagas) => command
        .With(sagas.SelectMany(saga => saga.Events.Select(_ => saga.Id.Value)).ToArray())
        .With(sagas.SelectMany(saga => saga.Events.Select(nodeEvent => nodeEvent.NodeId)).ToArray())
        .With(sagas.SelectMany(saga => saga.Events.Select(nodeEvent => SagaNames.Of(nodeEvent.Type))).ToArray());

    /// <summary>Adds tags as the last parameters of <see cref="Statements.InsertSagasWithEvents"/>.</summary>
    private static void AddTags(NpgsqlBatchCommand insert, NewSaga[] sagas)
    {
        (Guid Saga, SagaTag Tag)[] tags = [.. sagas.SelectMany(saga => saga.Tags.Select(tag => (saga.Id.Value, tag)))];
        insert
            .With(tags.Select(one => one.Saga).ToArray())
            .With(tags.Select(one => one.Tag.Name).ToArray())
            .With(tags.Select(one => one.Tag.Value).ToArray());
    }

    private static async Task<HashSet<Guid>> ReadCreatedAsync(NpgsqlDataReader reader)
    {
        await reader.NextResultAsync().ConfigureAwait(false); // skip the result of the locks on definitions
        HashSet<Guid> created = [];
        while (await reader.ReadAsync().ConfigureAwait(false))
        {
            created.Add(reader.GetGuid(0));
        }

        return created;
    }

    /// <summary>
    /// Splits the indexes of entries into rounds, one statement each. A statement does not see its own writes, so an entry after the end of
    /// its saga goes into the next round, which finds the saga ended; also one after a cancellation, since a statement updates a row once.
    /// One round is almost always enough.
    /// </summary>
    private static List<List<int>> SplitIntoRounds(IReadOnlyList<SagaLogEntry> entries)
    {
        List<List<int>> rounds = [new(entries.Count)];
        Dictionary<SagaId, int> nextRounds = [];
        for (int i = 0; i < entries.Count; i++)
        {
            SagaLogEntry entry = entries[i];
            int round = nextRounds.GetValueOrDefault(entry.SagaId);
            if (round == rounds.Count)
            {
                rounds.Add([]);
            }

            rounds[round].Add(i);
            if (entry.Cancellation is not null || entry.NewState is not (null or SagaState.Running or SagaState.Unwinding))
            {
                nextRounds[entry.SagaId] = round + 1;
            }
        }

        return rounds;
    }

    /// <summary>Throws the reason why this process's join was not current where the statement ran. Nothing was written.</summary>
    private async Task ThrowRefusedAsync(Membership member, CancellationToken cancellationToken)
    {
        JoinRow? current = await _database.ReadAsync(
            batch => batch.Add(Sql.CurrentJoin).With(member.Coordinator.Value), rows => rows.FirstAsync(JoinRow.Of), cancellationToken).ConfigureAwait(false);
        PostgresFence.EnsureMember(_database, member, current);
        throw new JoinLostException(member); // the join is current now, but was not where or when the write ran
    }

    /// <summary>Marks refused entries as written if an earlier attempt wrote them: its answer was lost, and the saga has ended since.</summary>
    private async Task AcceptRepeatsAsync(Membership member, IReadOnlyList<SagaLogEntry> entries, bool[] written, CancellationToken cancellationToken)
    {
        int[] refused = [.. Enumerable.Range(0, written.Length).Where(index => !written[index])];
        (long Ordinal, SavedNodeEvent Event)[] events =
            [.. refused.SelectMany((index, i) => entries[index].Events.Select(nodeEvent => (i + 1L, nodeEvent)))];
        List<long> alreadyWritten = await _database.ReadAsync(
            batch => batch.Add(Sql.FindAlreadyWritten)
                .With(member.Coordinator.Value)
                .With(refused.Select(index => entries[index].SagaId.Value).ToArray())
                .With(refused.Select(index => entries[index].Generation.Value).ToArray())
                .With(refused.Select(index => NameOf(entries[index].NewState)).ToArray())
                .With(events.Select(item => item.Ordinal).ToArray())
                .With(events.Select(item => item.Event.NodeId).ToArray())
                .With(events.Select(item => SagaNames.Of(item.Event.Type)).ToArray()),
            rows => rows.ListAsync(row => row.GetInt64(0)),
            cancellationToken).ConfigureAwait(false);
        alreadyWritten.ForEach(ordinal => written[refused[ordinal - 1]] = true);
    }

    /// <summary>Adds entries as the parameters of <see cref="Statements.Append"/>.</summary>
    internal static void AddEntries(NpgsqlBatchCommand append, IReadOnlyList<SagaLogEntry> entries)
    {
        var sagas = new Guid[entries.Count];
        var generations = new long[entries.Count];
        var states = new string?[entries.Count];
        int count = entries.Sum(entry => entry.Events.Count);
        var ordinals = new long[count];
        var nodes = new int[count];
        var types = new string[count];
        var data = new ReadOnlyMemory<byte>?[count];
        int i = 0;
        for (int index = 0; index < entries.Count; index++)
        {
            SagaLogEntry entry = entries[index];
            (sagas[index], generations[index], states[index]) = (entry.SagaId.Value, entry.Generation.Value, NameOf(entry.NewState));
            for (int one = 0; one < entry.Events.Count; one++, i++) // an enumerator would be allocated for each entry
            {
                SavedNodeEvent nodeEvent = entry.Events[one];
                (ordinals[i], nodes[i], types[i], data[i]) = (index + 1, nodeEvent.NodeId, SagaNames.Of(nodeEvent.Type), PostgresFence.JsonOrNull(nodeEvent.Data));
            }
        }

        append.With(sagas).With(generations).With(states).With(ordinals).With(nodes).With(types).WithJson(data);
    }

    /// <summary>Adds cancellations and failures as the last parameters of <see cref="Statements.AppendCauses"/>.</summary>
    private static void AddCauses(NpgsqlBatchCommand append, List<SagaLogEntry> entries)
    {
        (long Ordinal, SagaCancellation Cancellation)[] all =
            [.. entries.Select((entry, index) => (index + 1L, entry.Cancellation!)).Where(pair => pair.Item2 is not null)];
        (long Ordinal, SagaFailure Failure)[] failures =
            [.. entries.Select((entry, index) => (index + 1L, entry.Failure!)).Where(pair => pair.Item2 is not null)];
        append
            .With(all.Select(one => one.Ordinal).ToArray())
            .With(all.Select(one => (DateTimeOffset?)one.Cancellation.At.ToUniversalTime()).ToArray())
            .With(all.Select(one => one.Cancellation.Note.Actor).ToArray())
            .With(all.Select(one => one.Cancellation.Note.Reason).ToArray())
            .With(failures.Select(one => one.Ordinal).ToArray())
            .With(failures.Select(one => SagaFailure.Storable(one.Failure.Node)).ToArray())
            .With(failures.Select(one => SagaFailure.Storable(one.Failure.ErrorCode)!).ToArray());
    }

    private static string? NameOf(SagaState? state) => state is { } known ? SagaNames.Of(known) : null;

    private static async Task<(bool IsMember, bool[] Written)> ReadWrittenAsync(
        NpgsqlDataReader reader, List<List<int>> rounds, int count, CancellationToken cancellationToken)
    {
        bool isMember = false;
        var written = new bool[count];
        foreach (List<int> round in rounds)
        {
            while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false))
            {
                if (reader.GetInt64(0) is > 0 and long ordinal)
                {
                    written[round[(int)ordinal - 1]] = true;
                }
                else
                {
                    isMember = true;
                }
            }

            await reader.NextResultAsync(cancellationToken).ConfigureAwait(false);
        }

        return (isMember, written);
    }
}
