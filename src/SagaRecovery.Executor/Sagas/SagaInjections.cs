namespace SagaRecovery;

/// <summary>
/// Failures and repeats that are injected into one saga, for tests of its definition.
/// </summary>
/// <remarks>
/// Injections apply to the run that the start begins. They are not stored, so a resumed saga runs without them. Not thread-safe: add all
/// injections before the saga starts.
/// </remarks>
public sealed class SagaInjections
{
    /// <summary>The <see cref="SagaError.Code"/> of an injected failure.</summary>
    public const string ErrorCode = "injected";

    private readonly Dictionary<string, NodeInjection> _byNode = [];

    /// <summary>Fails a node instead of running its action.</summary>
    /// <param name="node">The name of the node.</param>
    /// <param name="when">
    /// Returns a task that completes when the node has to fail, for instance after parallel branches have advanced. Null to fail at once.
    /// The token is cancelled when the run stops.
    /// </param>
    /// <returns>This instance.</returns>
    public SagaInjections FailAction(string node, Func<CancellationToken, Task>? when = null) =>
        Change(node, injection => injection with { FailsAction = true, FailsWhen = when });

    /// <summary>Fails a node without telling whether its action has taken effect, as a broken connection does. It is not retried.</summary>
    /// <param name="node">The name of the node.</param>
    /// <param name="afterEffect">True to fail after the action has run; false to fail instead of running it.</param>
    /// <param name="when">Returns a task that completes when the node has to fail; see <see cref="FailAction"/>.</param>
    /// <returns>This instance.</returns>
    /// <remarks>The undo of the node runs if its policy sets <see cref="NodePolicy.UndoAfterFailure"/>.</remarks>
    public SagaInjections FailActionUncertainly(string node, bool afterEffect, Func<CancellationToken, Task>? when = null) =>
        Change(node, injection => injection with { FailsUncertainly = true, FailsAction = !afterEffect, FailsWhen = when });

    /// <summary>Fails the undo of a node instead of running it.</summary>
    /// <param name="node">The name of the node.</param>
    /// <returns>This instance.</returns>
    public SagaInjections FailUndo(string node) => Change(node, injection => injection with { FailsUndo = true });

    /// <summary>Runs a node several times in sequence, to test that it is idempotent. The output of the last run is recorded.</summary>
    /// <param name="node">The name of the node.</param>
    /// <param name="action">The number of runs of the action, at least 1.</param>
    /// <param name="undo">The number of runs of the undo, at least 1.</param>
    /// <returns>This instance.</returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="action"/> or <paramref name="undo"/> is less than 1.</exception>
    public SagaInjections Repeat(string node, int action = 1, int undo = 1)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(action, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(undo, 1);
        return Change(node, injection => injection with { ActionRuns = action, UndoRuns = undo });
    }

    internal IEnumerable<string> Nodes => _byNode.Keys;

    internal NodeInjection For(string node) => _byNode.GetValueOrDefault(node, NodeInjection.None);

    private SagaInjections Change(string node, Func<NodeInjection, NodeInjection> change)
    {
        _byNode[node] = change(For(node));
        return this;
    }
}

/// <summary>The injections into one node.</summary>
internal readonly record struct NodeInjection(
    bool FailsAction, Func<CancellationToken, Task>? FailsWhen, bool FailsUndo, int ActionRuns, int UndoRuns)
{
    /// <summary>True if the failure tells nothing about the effect: in place of the action, or after it.</summary>
    public bool FailsUncertainly { get; init; }

    public static NodeInjection None { get; } =
        new(FailsAction: false, FailsWhen: null, FailsUndo: false, ActionRuns: 1, UndoRuns: 1);
}

/// <summary>An injected failure that tells nothing about the effect of its action.</summary>
internal sealed class InjectedFailureException() : Exception("This failure was injected, and tells nothing about the effect of the action.");
