namespace SagaRecovery;

/// <summary>
/// A saga whose nodes are part of another saga, as <see cref="SagaBuilder{TParameters}"/> returns it. As a node, it holds the parameters of the
/// subsaga. Named in the <c>after</c> of a later node, it stands for all of its nodes. Immutable.
/// </summary>
public sealed class Subsaga : SagaNode
{
    private readonly SagaShape _shape;

    internal Subsaga(int id, string name, SagaShape shape, IReadOnlyList<int> last, object declaredBy)
        : base(id, name, declaredBy)
    {
        _shape = shape;
        Last = last;
    }

    /// <summary>The ids of the nodes that no node of the subsaga comes after.</summary>
    internal IReadOnlyList<int> Last { get; }

    /// <summary>Returns the node of the containing saga that a node of the subsaga has become, to read its output or to name it in an <c>after</c>.</summary>
    /// <typeparam name="TOutput">The type of the output.</typeparam>
    /// <param name="node">A node of the saga that was added as the subsaga.</param>
    /// <returns>The node. Its name is the path <c>subsaga/node</c>.</returns>
    /// <exception cref="ArgumentException">The node belongs to another saga.</exception>
    public SagaNode<TOutput> Node<TOutput>(SagaNode<TOutput> node) => _shape.Contains(node) ? Node<TOutput>(node.Id) : throw NoSuchNode(node.Name);

    /// <summary>Returns the node of the containing saga that a node of the subsaga has become, by its name, for a subsaga whose DAG depends on its parameters.</summary>
    /// <typeparam name="TOutput">The type of the output.</typeparam>
    /// <param name="node">The name of a node of the subsaga that has an output.</param>
    /// <returns>The node. Its name is the path <c>subsaga/node</c>.</returns>
    /// <exception cref="ArgumentException">The subsaga has no node of this name.</exception>
    public SagaNode<TOutput> Node<TOutput>(string node) => _shape.Find(node) is >= 0 and var id ? Node<TOutput>(id) : throw NoSuchNode(node);

    private SagaNode<TOutput> Node<TOutput>(int node) => new(NodeId(Id, node), Path(Name, _shape.NameOf(node)), DeclaredBy);

    private ArgumentException NoSuchNode(string node) => new($"Node '{node}' is not a node of subsaga '{Name}'.", nameof(node));

    /// <summary>Returns the id in the containing saga of a node of a subsaga.</summary>
    internal static int NodeId(int subsaga, int node) => subsaga + 1 + node;

    /// <summary>Returns the name in the containing saga of a node of a subsaga.</summary>
    internal static string Path(string subsaga, string node) => $"{subsaga}{SagaShape.PathSeparator}{node}";
}

/// <summary>A node of a subsaga, run in a saga that contains it: with the parameters and the outputs of the subsaga.</summary>
/// <param name="code">The code of the node.</param>
/// <param name="subsaga">The node that holds the parameters of the subsaga.</param>
/// <param name="shape">The nodes of the subsaga.</param>
internal sealed class SubsagaNodeCode<TParameters, TInner>(NodeCode<TInner> code, SagaNode<TInner> subsaga, SagaShape shape) : NodeCode<TParameters>
{
    public override Type? OutputType => code.OutputType;

    public override ValueTask<ReadOnlyMemory<byte>> RunActionAsync(NodeContext<TParameters> context, NodeOutputs outputs)
    {
        NodeOutputs inner = outputs.Within(shape, subsaga.Id);
        return code.RunActionAsync(context.Within(inner, subsaga, outputs.ReadForNode(subsaga)), inner);
    }

    public override Task RunUndoAsync(NodeContext<TParameters> context, int node, NodeOutputs outputs)
    {
        NodeOutputs inner = outputs.Within(shape, subsaga.Id);
        return code.RunUndoAsync(context.Within(inner, subsaga, outputs.ReadForNode(subsaga)), node - Subsaga.NodeId(subsaga.Id, 0), inner);
    }
}
