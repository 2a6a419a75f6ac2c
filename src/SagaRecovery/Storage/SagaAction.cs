using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>An operator action for one saga or many.</summary>
/// <param name="Kind">
/// The action: <see cref="OperatorActionKind.Cancel"/>, <see cref="OperatorActionKind.Hold"/>, <see cref="OperatorActionKind.Release"/> or
/// <see cref="OperatorActionKind.Abandon"/>.
/// </param>
/// <param name="Note">The actor and the reason. Each saga gets an entry of its own in the record of operator actions.</param>
public sealed record SagaAction(OperatorActionKind Kind, OperatorNote Note)
{
    /// <summary>The conditions under which to abandon.</summary>
    /// <value>The default is <see cref="OperatorActionCondition.None"/>.</value>
    public OperatorActionCondition Condition { get; init; } = OperatorActionCondition.None;

    /// <summary>A value indicating whether a hold stops a present run as well, once its steps in flight have ended.</summary>
    /// <value>The default is <see langword="false"/>: a present run continues.</value>
    public bool StopRun { get; init; }

    /// <summary>Runs the action on sagas one by one.</summary>
    internal async Task<IReadOnlyList<OperatorActionResult>> PerformOneByOneAsync(
        ISagaOperations store, IReadOnlyList<SagaId> sagas, CancellationToken cancellationToken)
    {
        List<OperatorActionResult> results = [];
        foreach (SagaId saga in sagas)
        {
            results.Add(await PerformAsync(store, saga, cancellationToken).ConfigureAwait(false));
        }

        return results;
    }

    private Task<OperatorActionResult> PerformAsync(ISagaOperations store, SagaId saga, CancellationToken cancellationToken) => Kind switch
    {
        OperatorActionKind.Cancel => store.CancelAsync(saga, Note, cancellationToken),
        OperatorActionKind.Hold when StopRun => store.SuspendAsync(saga, Note, cancellationToken),
        OperatorActionKind.Hold => store.HoldAsync(saga, Note, cancellationToken),
        OperatorActionKind.Release => store.ReleaseAsync(saga, Note, cancellationToken),
        OperatorActionKind.Abandon => store.AbandonAsync(saga, Condition, Note, cancellationToken),
        _ => throw new NotSupportedException($"The action '{SagaNames.Of(Kind)}' does not run on many sagas."),
    };
}
