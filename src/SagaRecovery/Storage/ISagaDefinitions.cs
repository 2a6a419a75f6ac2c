using SagaRecovery.Fencing;

namespace SagaRecovery.Storage;

/// <summary>
/// The queries for stored definitions: which unfinished sagas have them, and which processes can run them. A store implements it so that a
/// changed shape under an unchanged version is refused, and so that an operator can see which definition is still needed.
/// </summary>
/// <remarks>
/// A definition is needed while an unfinished saga has it, or another coordinator that answers publishes it. Implementations must be
/// thread-safe.
/// </remarks>
public interface ISagaDefinitions
{
    /// <summary>Finds the definitions of unfinished sagas of one coordinator that it cannot run.</summary>
    /// <param name="coordinator">The coordinator.</param>
    /// <param name="registered">The definitions that it can run.</param>
    /// <param name="limit">The maximum number of definitions to return, at least 1.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The definitions with the most sagas first, and the numbers of all of them.</returns>
    Task<UnknownDefinitions> FindUnknownAsync(
        CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken);

    /// <summary>Finds the shapes that keep definitions from being started: see <see cref="StoreAsync"/>. Writes nothing.</summary>
    /// <param name="coordinator">The coordinator of this process.</param>
    /// <param name="definitions">The definitions of which this process starts sagas.</param>
    /// <param name="registered">The hashes of all definitions that this process can run.</param>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The shapes that would refuse one of the definitions.</returns>
    Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
        CoordinatorId coordinator,
        IReadOnlyCollection<RunnableDefinition> definitions,
        IReadOnlyCollection<DefinitionHash> registered,
        CancellationToken cancellationToken);

    /// <summary>
    /// Stores the definition of a saga that is about to start, unless it is a changed shape: it is not stored, and another shape of its name and
    /// version is stored, needed, and not registered in this process.
    /// </summary>
    /// <param name="member">The membership of this process.</param>
    /// <param name="definition">The definition.</param>
    /// <param name="registered">The hashes of all shapes of its name and version that this process can run.</param>
    /// <param name="cancellationToken">Cancels the wait. A request that was sent may still take effect.</param>
    /// <returns>The shapes that refuse the definition. Nothing was written then. Empty: the definition is stored.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined. Nothing was written.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process. Nothing was written.</exception>
    /// <remarks>
    /// Of two processes that call it at once with different shapes, one must see the shape of the other. A store in which processes publish
    /// definitions therefore publishes the definition together with storing it.
    /// </remarks>
    Task<IReadOnlyList<SavedDefinition>> StoreAsync(
        Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken);

    /// <summary>Lists all definitions that are stored or published.</summary>
    /// <param name="cancellationToken">Cancels the query.</param>
    /// <returns>The definitions, by name and version.</returns>
    /// <remarks>The query may read every saga in the store, because it counts the ended ones.</remarks>
    Task<DefinitionList> ListAsync(CancellationToken cancellationToken);
}

/// <summary>The definitions of a store that does not implement <see cref="ISagaDefinitions"/>. Nothing is refused and nothing reported.</summary>
internal sealed class NoSagaDefinitions : ISagaDefinitions
{
    public Task<UnknownDefinitions> FindUnknownAsync(
        CoordinatorId coordinator, IReadOnlyCollection<RunnableDefinition> registered, int limit, CancellationToken cancellationToken) =>
        Task.FromResult(new UnknownDefinitions([], Count: 0, Unfinished: 0));

    public Task<IReadOnlyList<SavedDefinition>> FindConflictsAsync(
        CoordinatorId coordinator,
        IReadOnlyCollection<RunnableDefinition> definitions,
        IReadOnlyCollection<DefinitionHash> registered,
        CancellationToken cancellationToken) => Task.FromResult<IReadOnlyList<SavedDefinition>>([]);

    public Task<IReadOnlyList<SavedDefinition>> StoreAsync(
        Membership member, SavedDefinition definition, IReadOnlyCollection<DefinitionHash> registered, CancellationToken cancellationToken) =>
        Task.FromResult<IReadOnlyList<SavedDefinition>>([]);

    public Task<DefinitionList> ListAsync(CancellationToken cancellationToken) => throw new NotSupportedException(
        $"The registered saga store does not support listing definitions. Implement {nameof(ISagaDefinitions)} in the store passed to UseStore<T>().");
}
