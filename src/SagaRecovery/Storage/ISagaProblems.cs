using SagaRecovery.Status;
using SagaRecovery.Timing;

namespace SagaRecovery.Storage;

/// <summary>The optional part of a saga store that lists what deserves an operator's attention, and keeps acknowledgements.</summary>
/// <remarks>Without it, the problems of one process are listed, and none can be acknowledged. Implementations must be thread-safe.</remarks>
public interface ISagaProblems
{
    /// <summary>Lists the problems of the whole store, with those of a process.</summary>
    /// <param name="ofProcess">The problems that the process knows.</param>
    /// <param name="owners">The counts of unfinished sagas by owner, if the caller has just read them; null to read them.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <exception cref="SearchTimeoutException">The query took too long.</exception>
    Task<ProblemList> ListAsync(IReadOnlyCollection<Problem> ofProcess, IReadOnlyList<OwnedSagas>? owners, CancellationToken cancellationToken);

    /// <summary>Acknowledges a problem that is in the list. A repeated call replaces the note.</summary>
    /// <param name="id">The id of the problem.</param>
    /// <param name="ofProcess">The problems that the process knows.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the query and the write.</param>
    /// <returns>The problem with the acknowledgement; null if there is none with this id.</returns>
    /// <exception cref="SearchTimeoutException">The query took too long.</exception>
    Task<Problem?> AcknowledgeAsync(string id, IReadOnlyCollection<Problem> ofProcess, OperatorNote note, CancellationToken cancellationToken);

    /// <summary>
    /// Deletes the acknowledgements of problems that are resolved and have no time in the store, so that they are open if they begin anew. Recovery calls
    /// it after each of its own lists.
    /// </summary>
    /// <param name="earlier">The list before.</param>
    /// <param name="present">The present list.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    Task ForgetResolvedAsync(ProblemList? earlier, ProblemList present, CancellationToken cancellationToken) => Task.CompletedTask;
}

/// <summary>The problems of a store that does not implement <see cref="ISagaProblems"/>: those of the process alone.</summary>
internal sealed class NoSagaProblems(SteadyTimeProvider time) : ISagaProblems
{
    public Task<ProblemList> ListAsync(IReadOnlyCollection<Problem> ofProcess, IReadOnlyList<OwnedSagas>? owners, CancellationToken cancellationToken) =>
        Task.FromResult(ProblemList.Of(time.Now, ofProcess, []));

    public Task<Problem?> AcknowledgeAsync(string id, IReadOnlyCollection<Problem> ofProcess, OperatorNote note, CancellationToken cancellationToken) =>
        throw new NotSupportedException("The store does not keep acknowledgements.");
}
