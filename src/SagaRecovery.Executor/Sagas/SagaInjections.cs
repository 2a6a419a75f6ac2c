namespace SagaRecovery;

/// <summary>
/// Failures and repeats put into one saga on purpose, for tests of a saga definition. They hold for the run that this start begins, and
/// are not stored: a saga that is recovered goes on without them. Not thread-safe; fill it before it is used.
/// </summary>
public sealed class SagaInjections
{
    /// <summary>The <see cref="SagaError.Code"/> of an injected failure.</summary>
    public const string ErrorCode = "injected";

    private readonly Dictionary<string, NodeInjection> _byNode = [];

    /// <summary>Fails a node in place of running its action.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="when">
    /// Completes when it is to fail, such as when parallel branches have come as far as they can; null: at once. Its token fires when the
    /// run is to stop.
    /// </param>
    public SagaInjections FailAction(string node, Func<CancellationToken, Task>? when = null) =>
        Change(node, injection => injection with { FailsAction = true, FailsWhen = when });

    /// <summary>Fails the undo of a node in place of running it.</summary>
    /// <param name="node">The node's name.</param>
    public SagaInjections FailUndo(string node) => Change(node, injection => injection with { FailsUndo = true });

    /// <summary>Runs a node more than once, one run after the other, to show that it is idempotent; the last run's output counts.</summary>
    /// <param name="node">The node's name.</param>
    /// <param name="action">How often its action runs, from 1 up.</param>
    /// <param name="undo">How often its undo runs, from 1 up.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number is less than 1.</exception>
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

/// <summary>What is done to one node on purpose.</summary>
internal readonly record struct NodeInjection(
    bool FailsAction, Func<CancellationToken, Task>? FailsWhen, bool FailsUndo, int ActionRuns, int UndoRuns)
{
    public static NodeInjection None { get; } =
        new(FailsAction: false, FailsWhen: null, FailsUndo: false, ActionRuns: 1, UndoRuns: 1);
}
