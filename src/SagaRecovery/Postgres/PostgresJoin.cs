using Npgsql;
using SagaRecovery.Fencing;

namespace SagaRecovery.Postgres;

/// <summary>Joining under a coordinator id.</summary>
internal sealed class PostgresJoin(PostgresDatabase database, OwnerLock ownerLock)
{
    /// <summary>Joins, whoever has joined before.</summary>
    public async Task<Membership> RunAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        JoinToken token = JoinLineage.NewToken();
        Joined joined = (await JoinAsync(
            coordinator,
            batch => batch.Add(database.Statements.Join)
                .With(coordinator.Value).With(token.Value).With(Environment.MachineName).With(Environment.ProcessId),
            cancellationToken).ConfigureAwait(false))!;
        database.Lineage.Note(token, joined.Predecessors);
        return new Membership(coordinator, joined.Incarnation, token);
    }

    /// <summary>Joins again in place of a join that the database has lost, if no other process has joined since.</summary>
    /// <exception cref="CoordinatorFencedException">One has.</exception>
    public async Task<Membership> RunAgainAsync(Membership lost, CancellationToken cancellationToken)
    {
        JoinToken token = database.Lineage.NextOf(lost.Token);
        Joined? joined = await JoinAsync(
            lost.Coordinator,
            batch =>
            {
                batch.Add(database.Statements.Rejoin, lost)
                    .With(Environment.MachineName).With(Environment.ProcessId)
                    .With(token.Value).With(lost.Incarnation.Value).With(database.Lineage.Of(lost.Token));
                batch.Add(database.Statements.KeepInFlight)
                    .With(lost.Coordinator.Value).With(token.Value).With(lost.Incarnation.Value);
            },
            cancellationToken).ConfigureAwait(false);
        if (joined is null)
        {
            throw new CoordinatorFencedException(lost, await PresentAsync(lost.Coordinator, cancellationToken).ConfigureAwait(false));
        }

        database.Lineage.Note(token, joined.Predecessors);
        return new Membership(lost.Coordinator, joined.Incarnation, token);
    }

    /// <summary>Once more is harmless: a join in place of a join whose answer was lost is a join.</summary>
    /// <returns>Null: the row was left as it is.</returns>
    private async Task<Joined?> JoinAsync(CoordinatorId coordinator, Action<NpgsqlBatch> build, CancellationToken cancellationToken)
    {
        try
        {
            return await ownerLock.RunAsync(
                $"joining as coordinator {coordinator}",
                batch =>
                {
                    batch.Add(database.Statements.LockExclusively).With(coordinator.Value);
                    build(batch);
                },
                async rows =>
                {
                    await rows.SkipAsync(1).ConfigureAwait(false);
                    return (await rows.ListAsync(row => new Joined(new Incarnation(row.GetInt64(0)), row.GetFieldValue<Guid[]>(1))).ConfigureAwait(false))
                        .SingleOrDefault();
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction)
        {
            throw PostgresFence.ReadOnly(refused);
        }
    }

    private Task<Incarnation> PresentAsync(CoordinatorId coordinator, CancellationToken cancellationToken) => database.ReadAsync(
        batch => batch.Add(database.Statements.Present).With(coordinator.Value),
        async rows => (await rows.ListAsync(JoinRow.Of).ConfigureAwait(false)).FirstOrDefault().Incarnation,
        cancellationToken);

    private sealed record Joined(Incarnation Incarnation, Guid[] Predecessors);
}
