using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Results;

/// <summary>
/// The check of a start for a changed shape under an unchanged version. It asks the store at the first start of each definition, and after a
/// refusal. Thread-safe.
/// </summary>
/// <remarks>Sagas whose nodes depend on the parameters are not checked: each may have another DAG.</remarks>
internal sealed class ShapeCheck(ISagaDefinitions definitions)
{
    private readonly ConcurrentDictionary<DefinitionHash, bool> _stored = new(); // of definitions with fixed nodes, so there are few
    private readonly Dictionary<DefinitionHash, Task<IReadOnlyList<SavedDefinition>>> _queries = [];
    private readonly Lock _lock = new();

    /// <summary>Ensures that a definition is stored, unless its shape has changed.</summary>
    /// <param name="registry">The registered definitions.</param>
    /// <param name="definition">The definition of the saga that starts.</param>
    /// <param name="member">The membership of this process.</param>
    /// <param name="cancellationToken">Cancels the wait. Concurrent starts share a query.</param>
    /// <returns>The refusal; null if the saga may start.</returns>
    /// <exception cref="CoordinatorFencedException">A newer incarnation has joined.</exception>
    /// <exception cref="JoinLostException">The store has lost the join of this process.</exception>
    public async ValueTask<SagaShapeChangedException?> FindChangeAsync(
        SagaRegistry registry, SagaDefinition definition, Membership member, CancellationToken cancellationToken)
    {
        SavedDefinition saved = definition.Saved;
        if (_stored.ContainsKey(saved.Hash) || definition.Saga.IsDynamic || registry.FindHashes(saved) is not { } registered)
        {
            return null;
        }

        IReadOnlyList<SavedDefinition> others = await StoreAsync(member, saved, registered).WaitAsync(cancellationToken).ConfigureAwait(false);
        return others.Count == 0
            ? null
            : new SagaShapeChangedException(saved.Name, saved.Version, SagaShapeChangedException.Describe(others, registry.DescribeChange));
    }

    private Task<IReadOnlyList<SavedDefinition>> StoreAsync(Membership member, SavedDefinition definition, DefinitionHash[] registered)
    {
        TaskCompletionSource<IReadOnlyList<SavedDefinition>> query;
        lock (_lock)
        {
            if (_queries.TryGetValue(definition.Hash, out Task<IReadOnlyList<SavedDefinition>>? asked))
            {
                return asked;
            }

            query = new(TaskCreationOptions.RunContinuationsAsynchronously);
            _queries.Add(definition.Hash, query.Task);
        }

        _ = CompleteAsync(query, member, definition, registered); // owned by all starts that share it
        return query.Task;
    }

    [SuppressMessage("Design", "CA1031", Justification = "The exception goes to the starts that share the query.")]
    private async Task CompleteAsync(
        TaskCompletionSource<IReadOnlyList<SavedDefinition>> query, Membership member, SavedDefinition definition, DefinitionHash[] registered)
    {
        try
        {
            IReadOnlyList<SavedDefinition> others = await definitions.StoreAsync(member, definition, registered, CancellationToken.None).ConfigureAwait(false);
            if (others.Count == 0)
            {
                _stored.TryAdd(definition.Hash, true);
            }

            Forget(definition);
            query.SetResult(others);
        }
        catch (Exception e)
        {
            Forget(definition);
            query.SetException(e);
        }
    }

    /// <summary>Ends a query before its callers get the answer: after a refusal or an exception, the next start asks again.</summary>
    private void Forget(SavedDefinition definition)
    {
        lock (_lock)
        {
            _queries.Remove(definition.Hash);
        }
    }
}
