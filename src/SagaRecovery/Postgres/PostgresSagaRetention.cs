using System.Globalization;
using Npgsql;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The deletion of ended sagas in Postgres, and what else expires.</summary>
internal sealed class PostgresSagaRetention(PostgresDatabase database, PostgresSchema schema, SagaSearch search) : ISagaRetention
{
    private const int DefinitionsPerBatch = 100;
    private const int CoordinatorsPerBatch = 20;

    private static readonly DateTimeOffset s_beginning = new(1, 1, 2, 0, 0, 0, TimeSpan.Zero); // the earliest time would be sent as minus infinity

    private RetentionStatements Sql => database.Retention;

    public async Task<IReadOnlyList<StoredDefinition>> ListDefinitionsAsync(CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await database.QueryForOperatorAsync(
            connection => PostgresDatabase.ReadAsync(
                connection,
                batch => batch.Add(Sql.ListDefinitions),
                rows => rows.ListAsync(row => new StoredDefinition(row.Hash(0), row.GetString(1), row.GetInt32(2))),
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<EndedSagas> EstimateEndedAsync(CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await database.QueryForOperatorAsync(
            connection => PostgresDatabase.ReadAsync(
                connection,
                batch =>
                {
                    batch.Add(RetentionStatements.UseOrderedIndexes);
                    batch.Add(Sql.EstimateEnded);
                    batch.Add(RetentionStatements.LimitFindOldest);
                    batch.Add(Sql.FindOldest);
                },
                async rows =>
                {
                    await rows.SkipAsync(1).ConfigureAwait(false);
                    long? about = (await rows.ListAsync(row => row.IsDBNull(0) ? (long?)null : row.GetInt64(0)).ConfigureAwait(false)).Single();
                    return new EndedSagas(about, await ReadOldestAsync(rows, cancellationToken).ConfigureAwait(false));
                },
                cancellationToken),
            cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the time of the oldest saga. It is only shown, so it is left out if its statement was stopped.</summary>
    private static async Task<DateTimeOffset?> ReadOldestAsync(PostgresRows rows, CancellationToken cancellationToken)
    {
        try
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return (await rows.ListAsync(row => row.TimeOrNull(0)).ConfigureAwait(false)).Single();
        }
        catch (PostgresException stopped) when (stopped.SqlState == PostgresErrorCodes.QueryCanceled && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    public async Task<IAsyncDisposable?> TryBeginTurnAsync(CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        bool taken = false;
        NpgsqlConnection connection = await ConnectionRetry.OpenAsync(
            database.Pool,
            async opened => taken = await PostgresDatabase.ReadAsync(
                opened,
                batch =>
                {
                    batch.Add(Statements.Begin);
                    batch.Add(Sql.TryTurn);
                },
                async rows =>
                {
                    (bool isMine, bool isStandby) = (await rows.ListAsync(row => (row.GetBoolean(0), row.GetBoolean(1))).ConfigureAwait(false)).Single();
                    PostgresFence.RefuseStandby(isStandby);
                    return isMine;
                },
                cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        var turn = new Turn(connection);
        if (taken)
        {
            return turn;
        }

        await turn.DisposeAsync().ConfigureAwait(false);
        return null;
    }

    public async Task<RetentionPage> FindExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await ReadOrderedAsync(batch => AddFind(batch, walk, after, limit), rows => ReadPageAsync(rows, walk, limit), cancellationToken).ConfigureAwait(false);
    }

    public async Task<RetentionPage> PreviewExpiredAsync(RetentionWalk walk, RetentionCursor? after, int limit, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await search.ReadAsync(
            batch =>
            {
                batch.Add(RetentionStatements.UseOrderedIndexes);
                AddFind(batch, walk, after, limit);
            },
            async rows =>
            {
                await rows.SkipAsync(2).ConfigureAwait(false);
                return await ReadPageAsync(rows, walk, limit).ConfigureAwait(false);
            },
            "The index answers slowly where sagas were deleted: it may need a vacuum.",
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyList<ArchivedSaga>> ReadAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken)
    {
        Guid[] ids = [.. sagas.Select(saga => saga.Id.Value)];
        return await database.ReadAsync(
            batch =>
            {
                batch.Add(CallerStatements.UseIndexes);
                batch.Add(Sql.ReadSagas).With(ids).With(sagas.Select(saga => saga.Stamp).ToArray()); // must come first: a later change shows in the stamp
                batch.Add(Sql.ReadEvents).With(ids);
                batch.Add(Sql.ReadTags).With(ids);
                batch.Add(Sql.ReadActions).With(ids);
            },
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                List<ArchivedSaga> read = await rows.ListAsync(ArchivedRows.ToSaga).ConfigureAwait(false);
                ILookup<SagaId, ArchivedEvent> events = (await rows.ListAsync(ArchivedRows.ToEvent).ConfigureAwait(false)).ToLookup(one => one.Id, one => one.Event);
                ILookup<SagaId, KeyValuePair<string, string>> tags = (await rows.ListAsync(ArchivedRows.ToTag).ConfigureAwait(false)).ToLookup(one => one.Id, one => one.Tag);
                ILookup<SagaId, OperatorAction> actions = (await rows.ListAsync(PostgresSagaControls.ReadAction).ConfigureAwait(false))
                    .OfType<OperatorAction>().ToLookup(action => action.SagaId ?? default);
                Dictionary<SagaId, int> counts = sagas.ToDictionary(saga => saga.Id, saga => saga.Events);
                return read
                    .Select(saga => saga with { Events = [.. events[saga.Id]], Tags = tags[saga.Id].ToDictionary(StringComparer.Ordinal), Actions = [.. actions[saga.Id]] })
                    .Where(saga => saga.Events.Count == counts[saga.Id])
                    .ToList();
            },
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<IReadOnlyCollection<SagaId>> DeleteAsync(IReadOnlyList<ExpiredSaga> sagas, CancellationToken cancellationToken) => await WriteAsync(
        batch =>
        {
            batch.Add(RetentionStatements.BeginDeletion);
            batch.Add(Sql.Delete)
                .With(sagas.Select(saga => saga.Id.Value).ToArray())
                .With(sagas.Select(saga => SagaNames.Of(saga.State)).ToArray())
                .With(sagas.Select(saga => saga.Stamp).ToArray())
                .With(sagas.Select(saga => saga.Rule.Keep).ToArray())
                .With(sagas.Select(saga => saga.Events).ToArray());
        },
        rows => rows.ListAsync(row => new SagaId(row.GetGuid(0))),
        cancellationToken).ConfigureAwait(false);

    public async Task<LeftoverBatch> DeleteUnusedDefinitionsAsync(string? after, CancellationToken cancellationToken)
    {
        List<(byte[] Hash, bool IsUnused)> page = await ReadOrderedAsync(
            batch => batch.Add(Sql.FindUnusedDefinitions).With(Convert.FromHexString(after ?? "")).With(DefinitionsPerBatch),
            rows => rows.ListAsync(row => (row.GetFieldValue<byte[]>(0), row.GetBoolean(1))),
            cancellationToken).ConfigureAwait(false);
        long deleted = 0;
        foreach (byte[] hash in page.Where(one => one.IsUnused).Select(one => one.Hash))
        {
            deleted += await DeleteDefinitionAsync(hash, cancellationToken).ConfigureAwait(false) ? 1 : 0;
        }

        return new LeftoverBatch(deleted, page.Count < DefinitionsPerBatch ? null : Convert.ToHexString(page[^1].Hash));
    }

    public async Task<LeftoverBatch> DeleteActionsAsync(TimeSpan keep, string? after, CancellationToken cancellationToken)
    {
        long from = after is null ? 0 : long.Parse(after, CultureInfo.InvariantCulture);
        return await WriteAsync(
            batch =>
            {
                batch.Add(RetentionStatements.BeginDeletion);
                batch.Add(Sql.DeleteActions).With(from).With(keep);
            },
            async rows => (await rows.ListAsync(row => new LeftoverBatch(
                row.GetInt64(2), row.GetBoolean(1) ? null : row.GetInt64(0).ToString(CultureInfo.InvariantCulture))).ConfigureAwait(false)).Single(),
            cancellationToken).ConfigureAwait(false);
    }

    public async Task<LeftoverBatch> DeleteCoordinatorsAsync(TimeSpan keep, string? after, CancellationToken cancellationToken)
    {
        List<Guid> silent = await database.ReadAsync(
            batch => batch.Add(Sql.FindSilentCoordinators).With(keep).With(after is null ? Guid.Empty : Guid.Parse(after)).With(CoordinatorsPerBatch),
            rows => rows.ListAsync(row => row.GetGuid(0)),
            cancellationToken).ConfigureAwait(false);
        long deleted = 0;
        foreach (Guid id in silent)
        {
            deleted += await DeleteCoordinatorAsync(id, keep, note: null, cancellationToken).ConfigureAwait(false) is ForgetResult.Done ? 1 : 0;
        }

        return new LeftoverBatch(deleted, silent.Count < CoordinatorsPerBatch ? null : silent[^1].ToString());
    }

    public async Task<ForgetResult> ForgetCoordinatorAsync(CoordinatorId coordinator, OperatorNote note, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        return await DeleteCoordinatorAsync(coordinator.Value, CoordinatorDetails.AnswerTimeout, note, cancellationToken).ConfigureAwait(false);
    }

    public async Task RecordPurgeAsync(OperatorNote note, CancellationToken cancellationToken)
    {
        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        await WriteAsync(
            batch => batch.Add(Sql.RecordPurge).With(note.Actor).With(note.Reason), _ => Task.FromResult(true), cancellationToken).ConfigureAwait(false);
    }

    public async Task<bool> ImportAsync(ArchivedSaga saga, OperatorNote note, CancellationToken cancellationToken)
    {
        if (saga.State is SagaState.Running or SagaState.Unwinding)
        {
            throw new InvalidDataException($"Saga {saga.Id} is {SagaNames.Of(saga.State)}: only ended sagas can be imported.");
        }

        if (DefinitionHash.Of(saga.Definition.Dag.Span) != saga.Definition.Hash)
        {
            throw new InvalidDataException($"The definition of saga {saga.Id} does not have the hash {saga.Definition.Hash}.");
        }

        await schema.EnsureReadableOnceAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await InsertAsync(saga, note, cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException rejected) when (rejected.SqlState.StartsWith("22", StringComparison.Ordinal) || rejected.SqlState.StartsWith("23", StringComparison.Ordinal))
        {
            // Data exception or violated constraint: the archive was changed, and would be rejected again.
            throw new InvalidDataException($"Postgres does not accept saga {saga.Id}: {rejected.MessageText} ({rejected.SqlState}).", rejected);
        }
    }

    private void AddFind(NpgsqlBatch batch, RetentionWalk walk, RetentionCursor? after, int limit) =>
        batch.Add(walk.State == SagaState.Succeeded ? Sql.FindOfDefinition : Sql.FindOfState)
            .With(SagaNames.Of(walk.State))
            .With(walk.Rules.Select(rule => rule.Definition.ToBytes()).ToArray())
            .With(walk.Rules.Select(rule => rule.Keep).ToArray())
            .With(after?.TimeCreated.ToUniversalTime() ?? s_beginning)
            .With(after?.SagaId.Value ?? Guid.Empty)
            .With(limit);

    private static async Task<RetentionPage> ReadPageAsync(PostgresRows rows, RetentionWalk walk, int limit)
    {
        RetentionCursor? last = null;
        List<ExpiredSaga?> visited = await rows.ListAsync(row =>
        {
            last = new RetentionCursor(row.Time(1), new SagaId(row.GetGuid(0)));
            return row.IsDBNull(2) ? null : ToExpired(walk.State, row);
        }).ConfigureAwait(false);
        return new RetentionPage([.. visited.OfType<ExpiredSaga>()], visited.Count < limit ? null : last);
    }

    private Task<bool> InsertAsync(ArchivedSaga saga, OperatorNote note, CancellationToken cancellationToken) => WriteAsync(
        batch =>
        {
            byte[] hash = saga.Definition.Hash.ToBytes();
            batch.Add($"{Statements.NoLoadBalance} select {Statements.Durably}");
            batch.Add(database.Definitions.Lock).With(new[] { hash });
            batch.Add(Sql.ImportDefinition).With(hash).With(saga.Definition.Name).With(saga.Definition.Version).WithJson(saga.Definition.Dag);
            ArchivedRows.AddImport(batch.Add(Sql.ImportSaga), saga, note);
        },
        async rows =>
        {
            await rows.SkipAsync(2).ConfigureAwait(false);
            return (await rows.ListAsync(row => row.GetGuid(0)).ConfigureAwait(false)).Count > 0;
        },
        cancellationToken,
        skip: 0);

    private static ExpiredSaga ToExpired(SagaState state, NpgsqlDataReader row) => new(
        new SagaId(row.GetGuid(0)),
        state,
        new RetentionRule(row.Hash(2), row.GetTimeSpan(3)),
        row.Time(4),
        row.GetInt32(6),
        row.GetInt64(7),
        row.GetString(5));

    private async Task<ForgetResult> DeleteCoordinatorAsync(Guid id, TimeSpan silence, OperatorNote? note, CancellationToken cancellationToken) => await WriteAsync(
        batch =>
        {
            batch.Add(RetentionStatements.BeginDeletion);
            batch.Add(Sql.TryLockCoordinator).With(id);
            batch.Add(Sql.DeleteCoordinator).With(id).With(silence).With(note is not null).WithText(note?.Actor).WithText(note?.Reason);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return (await rows.ListAsync(row => row.GetBoolean(2) ? ForgetResult.Done : row.GetBoolean(1) ? ForgetResult.OwnsSagas : ForgetResult.Answers)
                .ConfigureAwait(false)).DefaultIfEmpty(ForgetResult.NoSuchCoordinator).Single();
        },
        cancellationToken).ConfigureAwait(false);

    private Task<bool> DeleteDefinitionAsync(byte[] hash, CancellationToken cancellationToken) => WriteAsync(
        batch =>
        {
            batch.Add(RetentionStatements.BeginDeletion);
            batch.Add(Sql.TryLockDefinition).With(hash);
            batch.Add(Sql.DeleteDefinition).With(hash);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return (await rows.ListAsync(_ => true).ConfigureAwait(false)).Count > 0;
        },
        cancellationToken);

    private Task<T> ReadOrderedAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken) => database.ReadAsync(
        batch =>
        {
            batch.Add(RetentionStatements.UseOrderedIndexes);
            build(batch);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            return await read(rows).ConfigureAwait(false);
        },
        cancellationToken);

    /// <summary>Runs a batch as a transaction that contains its commit. A repeat after a dead connection finds less to do, and is harmless.</summary>
    /// <param name="build">Adds the statements.</param>
    /// <param name="read">Reads the results.</param>
    /// <param name="cancellationToken">Cancels the wait. Statements that were sent may still take effect.</param>
    /// <param name="skip">The number of results to skip first.</param>
    private Task<T> WriteAsync<T>(Action<NpgsqlBatch> build, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken, int skip = 1) => ConnectionRetry.RunAsync(
        database.Pool,
        connection => CommitWatch.RunAsync(
            connection,
            batch =>
            {
                batch.Add(Statements.Begin);
                build(batch);
            },
            batch => batch.ExecuteReaderAsync(cancellationToken),
            async reader =>
            {
                var rows = new PostgresRows(reader, cancellationToken);
                await rows.SkipAsync(skip).ConfigureAwait(false);
                return await read(rows).ConfigureAwait(false);
            },
            cancellationToken),
        cancellationToken);

    /// <summary>The turn to delete a batch: a transaction that holds nothing but an advisory lock. It takes no snapshot, so it keeps no row from a vacuum.</summary>
    private sealed class Turn(NpgsqlConnection connection) : IAsyncDisposable
    {
        public async ValueTask DisposeAsync()
        {
            await using (connection.ConfigureAwait(false))
            {
                try
                {
                    await PostgresDatabase.ReadAsync(connection, batch => batch.Add("rollback"), _ => Task.FromResult(true), CancellationToken.None).ConfigureAwait(false);
                }
                catch (NpgsqlException)
                {
                    // The connection died, and the turn with it.
                }
            }
        }
    }
}
