using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace SagaRecovery;

/// <summary>
/// The builder with which a saga declares its nodes. Not thread-safe.
/// </summary>
/// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
/// <remarks>
/// A node runs when all its <c>after</c> nodes have succeeded. Nodes that do not depend on each other run concurrently. A node can only name
/// nodes that are already declared, so the graph has no cycles.
/// </remarks>
public sealed class SagaBuilder<TParameters>
{
    private readonly Saga _saga;
    private readonly List<SagaNode> _nodes = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<ShapeNode> _shape = [];
    private readonly List<NodeCode<TParameters>> _code = [];
    private readonly List<NodePolicy> _policies = [];

    internal SagaBuilder(Saga saga) => _saga = saga;

    /// <summary>Declares a node that returns an output.</summary>
    /// <typeparam name="TOutput">The type of the output, which is stored as JSON.</typeparam>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="action">The action. It must be idempotent, and must not have had an effect if it fails.</param>
    /// <param name="undo">The undo, which receives the output of the action. Null if the action has no effect to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes and to read its output.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, or <paramref name="after"/> contains a node of another saga.
    /// </exception>
    /// <remarks>
    /// Actions and undos may run again after a crash or a transient failure, so both must be idempotent. A failed action is not undone: it
    /// must not have had an effect, or its node needs <see cref="NodePolicy.UndoAfterFailure"/>. The node has <see cref="NodePolicy.Default"/>.
    /// </remarks>
    /// <example>
    /// <code>
    /// protected override void Define(SagaBuilder&lt;Order&gt; saga)
    /// {
    ///     SagaNode&lt;string&gt; charge = saga.Node(
    ///         "charge",
    ///         action: node => payments.ChargeAsync(node.Parameters.Amount, node.IdempotencyKey, node.CancellationToken),
    ///         undo: (node, chargeId) => payments.RefundAsync(chargeId, node.IdempotencyKey, node.CancellationToken));
    ///     saga.Node(
    ///         "ship",
    ///         action: node => shipping.ShipAsync(node.Parameters, node.Output(charge), node.IdempotencyKey),
    ///         after: charge);
    /// }
    /// </code>
    /// </example>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in the type of the action, which each call states.")]
    public SagaNode<TOutput> Node<TOutput>(
        string name,
        Func<NodeContext<TParameters>, Task<TOutput>> action,
        Func<NodeContext<TParameters>, TOutput, Task>? undo = null,
        params IReadOnlyList<SagaNode> after) => Node(name, NodePolicy.Default, action, undo, after);

    /// <summary>Declares a node that returns an output, with a policy.</summary>
    /// <typeparam name="TOutput">The type of the output, which is stored as JSON.</typeparam>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="policy">The retries and time limits of the node.</param>
    /// <param name="action">The action. It must be idempotent.</param>
    /// <param name="undo">The undo, which receives the output of the action. Null if the action has no effect to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes and to read its output.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, <paramref name="after"/> contains a node of another saga, or the policy is not valid.
    /// </exception>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the policy: the optional ones make no call ambiguous.")]
    public SagaNode<TOutput> Node<TOutput>(
        string name,
        NodePolicy policy,
        Func<NodeContext<TParameters>, Task<TOutput>> action,
        Func<NodeContext<TParameters>, TOutput, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode<TOutput>(_nodes.Count, name);
        Add(node, new NodeCode<TParameters, TOutput>(action, undo), hasUndo: undo is not null, policy, after);
        return node;
    }

    /// <summary>Declares a node without an output.</summary>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="action">The action. It must be idempotent, and must not have had an effect if it throws.</param>
    /// <param name="undo">The undo. Null if the action has no effect to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, or <paramref name="after"/> contains a node of another saga.
    /// </exception>
    /// <remarks>
    /// Actions and undos may run again after a crash or a transient failure, so both must be idempotent. A failed action is not undone: it
    /// must not have had an effect, or its node needs <see cref="NodePolicy.UndoAfterFailure"/>. The node has <see cref="NodePolicy.Default"/>.
    /// </remarks>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in the type of the action, which each call states.")]
    public SagaNode Node(
        string name,
        Func<NodeContext<TParameters>, Task> action,
        Func<NodeContext<TParameters>, Task>? undo = null,
        params IReadOnlyList<SagaNode> after) => Node(name, NodePolicy.Default, action, undo, after);

    /// <summary>Declares a node without an output, with a policy.</summary>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="policy">The retries and time limits of the node.</param>
    /// <param name="action">The action. It must be idempotent.</param>
    /// <param name="undo">The undo. Null if the action has no effect to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, <paramref name="after"/> contains a node of another saga, or the policy is not valid.
    /// </exception>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the policy: the optional ones make no call ambiguous.")]
    public SagaNode Node(
        string name,
        NodePolicy policy,
        Func<NodeContext<TParameters>, Task> action,
        Func<NodeContext<TParameters>, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode(_nodes.Count, name);
        Add(node, new PlainNodeCode<TParameters>(action, undo), hasUndo: undo is not null, policy, after);
        return node;
    }

    /// <summary>The code of the nodes.</summary>
    internal IReadOnlyList<NodeCode<TParameters>> Code => _code;

    /// <summary>Returns true if the declared nodes are those of the shape.</summary>
    internal bool Matches(SagaShape shape) => shape.ConsistsOf(_shape);

    internal SagaDefinition Build(JsonSerializerOptions json, Func<IServiceProvider, Saga>? instanceOfAttempt)
    {
        if (_nodes.Count == 0)
        {
            throw _saga.Invalid("it has no nodes.");
        }

        foreach ((SagaNode node, NodeCode<TParameters> code) in _nodes.Zip(_code).DistinctBy(pair => pair.Second.OutputType))
        {
            if (code.OutputType is { } output && JsonRoundTrip.FindMistake(output, json) is { } mistake)
            {
                throw _saga.Invalid($"the output of node '{node.Name}' would not be stored as it is returned: {mistake}.");
            }
        }

        return new SagaDefinition<TParameters>(_saga, new SagaShape(_shape), _code, _policies, json, instanceOfAttempt);
    }

    private void Add(SagaNode node, NodeCode<TParameters> code, bool hasUndo, NodePolicy policy, IReadOnlyList<SagaNode> after)
    {
        if (string.IsNullOrWhiteSpace(node.Name))
        {
            throw _saga.Invalid($"node {node.Id} has no name.");
        }

        if (_names.Contains(node.Name))
        {
            throw _saga.Invalid($"node '{node.Name}' is declared twice.");
        }

        foreach (SagaNode parent in after)
        {
            if (parent is null || parent.Id >= _nodes.Count || _nodes[parent.Id] != parent) // by reference, since a node of another saga may have the same id
            {
                throw _saga.Invalid($"node '{node.Name}' comes after node '{parent?.Name}', which is not a node of this saga.");
            }
        }

        if (FindMistake(policy, hasUndo) is { } mistake)
        {
            throw _saga.Invalid($"the policy of node '{node.Name}' is wrong: {mistake}.");
        }

        _nodes.Add(node);
        _names.Add(node.Name);
        _policies.Add(policy);
        _code.Add(code);
        _shape.Add(new ShapeNode(node.Name, hasUndo, [.. after.Select(parent => parent.Id).Distinct().Order()]));
    }

    private static string? FindMistake(NodePolicy policy, bool hasUndo)
    {
        if (policy is null or { Action: null } or { Undo: null })
        {
            return $"it is null, or its {nameof(policy.Action)} or {nameof(policy.Undo)} is";
        }

        if (policy.Action.FindMistake() is { } action)
        {
            return $"{nameof(policy.Action)}.{action}";
        }

        if (policy.Undo.FindMistake() is { } undo)
        {
            return $"{nameof(policy.Undo)}.{undo}";
        }

        return policy.UndoAfterFailure && !hasUndo ? $"{nameof(policy.UndoAfterFailure)} needs an undo, and the node has none" : null;
    }
}
