using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>
/// The connection of one simulated process to the database. Most calls pass a gate before they take effect, and another one before they
/// return. Listings are read in pages, each with its own snapshot, as in the Postgres store. Thread-safe.
/// </summary>
/// <param name="database">The database, shared by all processes.</param>
/// <param name="gates">The gates of the process.</param>
/// <param name="pageSize">The number of sagas in a page of the listing, at least 1.</param>
public sealed class SimulatedStore(InMemorySagaStore database, StepGates gates, int pageSize) : ISagaStore, ISagaLog
{
    /// <inheritdoc />
    public async Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Join, sagaId: null, cancellationToken).ConfigureAwait(false);
        return await database.JoinAsync(coordinator, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Join, sagaId: null, cancellationToken).ConfigureAwait(false);
        return await database.RejoinAsync(lost, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken) =>
        database.FindLostAsync(member, sagas, cancellationToken);

    /// <inheritdoc />
    public async Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Write, everything.SagaId, cancellationToken).ConfigureAwait(false);
        RestoreOutcome outcome = await database.RestoreAsync(member, everything, cancellationToken).ConfigureAwait(false);
        await gates.PassAsync(SimulatedStep.WriteAnswer, everything.SagaId, cancellationToken).ConfigureAwait(false);
        return outcome;
    }

    /// <inheritdoc />
    public async Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
    {
        SagaId? after = null;
        int read = pageSize;
        while (read == pageSize)
        {
            await gates.PassAsync(SimulatedStep.ListPage, sagaId: null, cancellationToken).ConfigureAwait(false);
            (read, after) = database.ListPage(member, listing, after, pageSize);
        }

        await gates.PassAsync(SimulatedStep.ListAnswer, sagaId: null, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task<IReadOnlyList<LoadedSaga>> LoadAsync(
        Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        SagaId? sagaId = candidates is [var only] ? only.SagaId : null;
        await gates.PassAsync(SimulatedStep.Load, sagaId, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<LoadedSaga> loaded = await database.LoadAsync(member, candidates, cancellationToken).ConfigureAwait(false);
        await gates.PassAsync(SimulatedStep.LoadAnswer, sagaId, cancellationToken).ConfigureAwait(false);
        return loaded;
    }

    /// <inheritdoc />
    public async Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Abandon, sagaId, cancellationToken).ConfigureAwait(false);
        return await database.AbandonAsync(sagaId, ownership, abandonment, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc />
    public async Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken)
    {
        await gates.PassAsync(SimulatedStep.Insert, saga.Id, cancellationToken).ConfigureAwait(false);
        bool created = await database.CreateAsync(member, saga, cancellationToken).ConfigureAwait(false);
        await gates.PassAsync(SimulatedStep.InsertAnswer, saga.Id, cancellationToken).ConfigureAwait(false);
        return created;
    }

    /// <inheritdoc />
    public async Task<IReadOnlyList<bool>> AppendAsync(
        Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken)
    {
        SagaId? sagaId = entries is [var first, ..] ? first.SagaId : null;
        await gates.PassAsync(SimulatedStep.Write, sagaId, cancellationToken).ConfigureAwait(false);
        IReadOnlyList<bool> written = await database.AppendAsync(member, entries, cancellationToken).ConfigureAwait(false);
        await gates.PassAsync(SimulatedStep.WriteAnswer, sagaId, cancellationToken).ConfigureAwait(false);
        return written;
    }
}
