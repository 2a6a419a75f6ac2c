using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>The queries for the definitions in Postgres.</summary>
internal sealed class PostgresSagaDefinitions(PostgresDatabase database, StoredDefinitions known, SagaSearch search) : ISagaDefinitions
{
    private DefinitionStatements Sql => database.Definitions;

    public Task<UnknownDefinitions> FindUnknownAsync(
        CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken)
    {
        RunnableDefinition[] ofAnyDag = [.. registered.Where(one => one.AnyDag)];
        return database.ReadAsync(
            batch =>
            {
                batch.Add(CallerStatements.UseIndexes);
                batch.Add(Sql.FindUnknown)
                    .With(coordinator.Value).With(BytesOf(registered.Select(one => one.Hash)))
                    .With(ofAnyDag.Select(one => one.Name).ToArray()).With(ofAnyDag.Select(one => one.Version).ToArray())
                    .With(limit);
            },
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                (long definitions, long sagas) = (0, 0);
                List<UnknownDefinition> unknown = await rows.ListAsync(row =>
                {
                    (definitions, sagas) = (row.GetInt64(5), row.GetInt64(6));
                    return new UnknownDefinition(LoadedPage.ReadDefinition(row), row.GetInt64(4));
                }).ConfigureAwait(false);
                return new UnknownDefinitions(unknown, definitions, sagas);
            },
            cancellationToken);
    }

    public async Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
        CoordinatorId coordinator,
        IReadOnlyCollection<RunnableDefinition> definitions,
        IReadOnlyCollection<DefinitionHash> registered,
        CancellationToken cancellationToken) => await database.ReadAsync(
        batch =>
        {
            batch.Add(CallerStatements.UseIndexes);
            batch.Add(Sql.FindConflicts)
                .With(coordinator.Value).With(CoordinatorDetails.AnswerTimeout).With(BytesOf(registered))
                .With(BytesOf(definitions.Select(one => one.Hash)))
                .With(definitions.Select(one => one.Name).ToArray()).With(definitions.Select(one => one.Version).ToArray());
        },
        ReadDefinitionsAsync,
        cancellationToken).ConfigureAwait(false);

    public async Task<IReadOnlyList<SavedDefinition>> StoreAsync(
        Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken)
    {
        List<SavedDefinition> conflicts = await PostgresFence.WriteAsync(
            database,
            database.Statements.Lock,
            member,
            batch =>
            {
                batch.Add(Sql.LockVersion).With(definition.Name).With(definition.Version);
                batch.Add(Sql.Store, member)
                    .With(CoordinatorDetails.AnswerTimeout).With(BytesOf(registered))
                    .With(definition.Hash.ToBytes()).With(definition.Name).With(definition.Version).WithJson(definition.Dag);
            },
            reader => ReadDefinitionsAsync(new PostgresRows(reader, cancellationToken)),
            cancellationToken).ConfigureAwait(false);
        if (conflicts.Count == 0)
        {
            known.Add([definition]);
        }

        return conflicts;
    }

    public Task<DefinitionList> ListAsync(CancellationToken cancellationToken) => search.ReadAsync(
        batch =>
        {
            batch.Add(Sql.Count).With((long)DefinitionList.EndedLimit);
            batch.Add(Sql.ListPublished).With(CoordinatorDetails.AnswerTimeout);
        },
        async rows =>
        {
            await rows.SkipAsync(1).ConfigureAwait(false);
            List<DefinitionCount> stored = await rows.ListAsync(row => new DefinitionCount(
                row.Hash(0), row.GetString(1), row.GetInt32(2), row.GetInt64(3), row.GetInt64(4), row.GetInt64(5))).ConfigureAwait(false);
            List<(CoordinatorId By, RunnableDefinition? Definition)> published = await rows.ListAsync(row => (
                new CoordinatorId(row.GetGuid(0)),
                row.IsDBNull(1) ? null : new RunnableDefinition(row.Hash(1), row.GetString(2), row.GetInt32(3)) { AnyDag = row.GetBoolean(4) }))
                .ConfigureAwait(false);
            return DefinitionList.Of(
                stored,
                [.. published.Where(one => one.Definition is not null).Select(one => (one.By, one.Definition!))],
                [.. published.Where(one => one.Definition is null).Select(one => one.By)]);
        },
        "It counts the unfinished and the stuck sagas of each definition, and there are too many for this time.",
        cancellationToken);

    private static async Task<List<SavedDefinition>> ReadDefinitionsAsync(PostgresRows rows)
    {
        await rows.SkipAsync(1).ConfigureAwait(false); // the settings, or the lock
        return await rows.ListAsync(LoadedPage.ReadDefinition).ConfigureAwait(false);
    }

    private static byte[][] BytesOf(IEnumerable<DefinitionHash> hashes) => [.. hashes.Select(hash => hash.ToBytes())];
}
