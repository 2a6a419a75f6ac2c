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
public sealed partial class SagaBuilder<TParameters>
{
    /// <summary>The maximum number of nodes of a saga, with those of its subsagas. A mistake in a recursion would fill the memory.</summary>
    private const int MaxNodes = 100_000;

    /// <summary>The maximum depth of subsagas.</summary>
    private const int MaxDepth = 32;

    private readonly Saga _saga;
    private readonly IReadOnlyList<Saga> _containing; // outermost first
    private string? _slashed; // a name that could be the path of a node of a subsaga
    private bool _hasSubsagas;
    private readonly List<SagaNode> _nodes = [];
    private readonly HashSet<string> _names = new(StringComparer.Ordinal);
    private readonly List<ShapeNode> _shape = [];
    private readonly List<NodeCode<TParameters>> _code = [];
    private readonly List<NodePolicy> _policies = [];

    /// <param name="saga">The saga to build.</param>
    /// <param name="containing">The sagas that contain it as a subsaga, outermost first.</param>
    internal SagaBuilder(Saga saga, IReadOnlyList<Saga> containing)
    {
        _saga = saga;
        _containing = containing;
    }

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
        var node = new SagaNode<TOutput>(_nodes.Count, name, this);
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
        var node = new SagaNode(_nodes.Count, name, this);
        Add(node, new PlainNodeCode<TParameters>(action, undo), hasUndo: undo is not null, policy, after);
        return node;
    }

    /// <summary>Adds the nodes of another saga.</summary>
    /// <typeparam name="TInner">The type of the parameters of the subsaga, which are stored as JSON.</typeparam>
    /// <param name="name">The name of the subsaga, unique in its saga. The names of its nodes follow it, after a slash.</param>
    /// <param name="saga">The saga. It need not be registered, and can be added several times under different names.</param>
    /// <param name="parameters">
    /// Returns the parameters of the subsaga, from the parameters and outputs of this saga. It may run again after a crash, until its result is
    /// stored.
    /// </param>
    /// <param name="after">The nodes that must succeed first. Without any, the subsaga begins when the saga starts.</param>
    /// <returns>The subsaga, to be named in the <paramref name="after"/> of later nodes and to read the outputs of its nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty, contains a slash or is already declared, <paramref name="after"/> contains a node of another saga, the subsaga is not
    /// valid, or it contains itself.
    /// </exception>
    /// <exception cref="ArgumentException">The nodes of the subsaga depend on its parameters: use the other overload.</exception>
    /// <remarks>
    /// The subsaga belongs to its saga: it has the same log and the same owner, and is unwound with it. No saga of its own is started.
    /// </remarks>
    /// <example>
    /// <code>
    /// public sealed class CreateProject(CreateVpc vpc, Projects projects) : Saga&lt;ProjectRequest&gt;
    /// {
    ///     public override string Name => "create-project";
    ///
    ///     protected override void Define(SagaBuilder&lt;ProjectRequest&gt; saga)
    ///     {
    ///         SagaNode&lt;Guid&gt; project = saga.Node("project", node => projects.CreateAsync(node.Parameters.Name, node.IdempotencyKey));
    ///         Subsaga network = saga.Subsaga("network", vpc, node => new VpcRequest(node.Output(project)), after: project);
    ///         saga.Node("publish", node => projects.PublishAsync(node.Output(project), node.Output(network.Node(vpc.Id))), after: network);
    ///     }
    /// }
    /// </code>
    /// </example>
    public Subsaga Subsaga<TInner>(
        string name, Saga<TInner> saga, Func<NodeContext<TParameters>, TInner> parameters, params IReadOnlyList<SagaNode> after) => saga.IsDynamic
        ? throw new ArgumentException($"The nodes of saga {saga.Describe()} depend on its parameters: pass the parameters, not a function.", nameof(saga))
        : AddSubsaga(name, saga, parameters, saga.Declare(default!, Containing(saga)), after);

    /// <summary>Adds the nodes of a saga whose DAG depends on its parameters.</summary>
    /// <typeparam name="TInner">The type of the parameters of the subsaga, which are stored as JSON.</typeparam>
    /// <param name="name">The name of the subsaga, unique in its saga. The names of its nodes follow it, after a slash.</param>
    /// <param name="saga">The saga. It need not be registered, and can be added several times under different names.</param>
    /// <param name="parameters">The parameters of the subsaga. They must not depend on anything but the parameters of this saga.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the subsaga begins when the saga starts.</param>
    /// <returns>The subsaga, to be named in the <paramref name="after"/> of later nodes and to read the outputs of its nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty, contains a slash or is already declared, <paramref name="after"/> contains a node of another saga, the subsaga is not
    /// valid, or subsagas contain each other more than 32 deep.
    /// </exception>
    /// <remarks>The subsaga belongs to its saga: it has the same log and the same owner, and is unwound with it.</remarks>
    public Subsaga Subsaga<TInner>(string name, DynamicSaga<TInner> saga, TInner parameters, params IReadOnlyList<SagaNode> after) =>
        AddSubsaga(name, saga, _ => parameters, saga.Declare(parameters, Containing(saga)), after);

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

    /// <summary>Returns the sagas that contain a subsaga of this one.</summary>
    /// <exception cref="InvalidOperationException">It contains itself, or too many contain each other.</exception>
    private IReadOnlyList<Saga> Containing(Saga subsaga)
    {
        IReadOnlyList<Saga> containing = [.. _containing, _saga];
        if (!subsaga.IsDynamic && containing.Contains(subsaga))
        {
            throw _saga.Invalid($"its subsaga {subsaga.Describe()} contains itself.");
        }

        return containing.Count <= MaxDepth ? containing : throw _saga.Invalid($"more than {MaxDepth} subsagas contain each other.");
    }

    private Subsaga AddSubsaga<TInner>(
        string name, Saga<TInner> saga, Func<NodeContext<TParameters>, TInner> parameters, SagaBuilder<TInner> declared, IReadOnlyList<SagaNode> after)
    {
        if (declared._nodes.Count == 0)
        {
            throw _saga.Invalid($"subsaga '{name}' has no nodes.");
        }

        var first = new SagaNode<TInner>(_nodes.Count, name);
        var code = new NodeCode<TParameters, TInner>(context => Task.FromResult(parameters(context)), undo: null);
        SagaShape shape = new(declared._shape);
        int[] last = [.. Enumerable.Range(0, shape.Count).Where(node => shape.ChildrenOf(node).Length == 0).Select(IdOf)];
        var subsaga = new Subsaga(first.Id, name, shape, last, this);
        Add(subsaga, code, hasUndo: false, NodePolicy.Default, after, new SubsagaReference(saga.Name, saga.Version));
        for (int node = 0; node < shape.Count; node++)
        {
            int[] parents = shape.ParentsOf(node) is { Length: > 0 } inner ? [.. inner.ToArray().Select(IdOf)] : [first.Id];
            Append(
                new SagaNode(IdOf(node), SagaRecovery.Subsaga.Path(name, shape.NameOf(node))),
                new SubsagaNodeCode<TParameters, TInner>(declared._code[node], first, shape),
                declared._policies[node],
                new ShapeNode(SagaRecovery.Subsaga.Path(name, shape.NameOf(node)), shape.HasUndo(node), parents)
                {
                    Subsaga = shape.SubsagaOf(node),
                    IsTransactional = shape.IsTransactional(node),
                });
        }

        return subsaga;

        int IdOf(int node) => SagaRecovery.Subsaga.NodeId(first.Id, node);
    }

    private void Add(
        SagaNode node, NodeCode<TParameters> code, bool hasUndo, NodePolicy policy, IReadOnlyList<SagaNode> after, SubsagaReference? subsaga = null)
    {
        if (string.IsNullOrWhiteSpace(node.Name))
        {
            throw _saga.Invalid($"node {node.Id} has no name.");
        }

        if (node.Name.Contains(SagaShape.PathSeparator, StringComparison.Ordinal))
        {
            _slashed ??= node.Name;
        }

        _hasSubsagas |= node is Subsaga;
        if (_slashed is not null && (_hasSubsagas || _containing.Count > 0))
        {
            throw _saga.Invalid($"the name of node '{_slashed}' contains a slash, which separates the names of subsagas and nodes.");
        }

        if (_names.Contains(node.Name))
        {
            throw _saga.Invalid($"node '{node.Name}' is declared twice.");
        }

        foreach (SagaNode parent in after)
        {
            if (parent?.DeclaredBy != this)
            {
                throw _saga.Invalid($"node '{node.Name}' comes after node '{parent?.Name}', which is not a node of this saga.");
            }
        }

        if (FindMistake(policy, hasUndo, code.IsTransactional) is { } mistake)
        {
            throw _saga.Invalid($"the policy of node '{node.Name}' is wrong: {mistake}.");
        }

        Append(node, code, policy, new ShapeNode(node.Name, hasUndo, [.. after.SelectMany(IdsOf).Distinct().Order()])
        {
            Subsaga = subsaga,
            IsTransactional = code.IsTransactional,
        });
    }

    /// <summary>Returns the ids of the nodes that a later node waits for if it comes after this one.</summary>
    private static IReadOnlyList<int> IdsOf(SagaNode parent) => parent is Subsaga subsaga ? subsaga.Last : [parent.Id];

    private void Append(SagaNode node, NodeCode<TParameters> code, NodePolicy policy, ShapeNode shape)
    {
        if (_nodes.Count == MaxNodes)
        {
            throw _saga.Invalid($"it has more than {MaxNodes:N0} nodes.");
        }

        _nodes.Add(node);
        _names.Add(node.Name);
        _policies.Add(policy);
        _code.Add(code);
        _shape.Add(shape);
    }

    private static string? FindMistake(NodePolicy policy, bool hasUndo, bool isTransactional)
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

        if (policy.UndoAfterFailure && isTransactional)
        {
            return $"{nameof(policy.UndoAfterFailure)} is for actions with uncertain effects, and the failed action of a transactional node has none";
        }

        return policy.UndoAfterFailure && !hasUndo ? $"{nameof(policy.UndoAfterFailure)} needs an undo, and the node has none" : null;
    }
}
