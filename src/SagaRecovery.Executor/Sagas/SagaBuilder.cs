using System.Text.Json;

namespace SagaRecovery;

/// <summary>
/// Where a saga declares its nodes. A node runs once every node in its <c>after</c> has succeeded; nodes that do not depend on each
/// other run side by side. Nodes come into being in the order of declaration and can only name earlier ones, so there are no cycles.
/// Not thread-safe.
/// </summary>
/// <typeparam name="TParameters">What the saga is started with.</typeparam>
public sealed class SagaBuilder<TParameters>
{
    private readonly Saga _saga;
    private readonly List<SagaNode> _nodes = [];
    private readonly List<ShapeNode> _shape = [];
    private readonly List<NodeCode<TParameters>> _code = [];

    internal SagaBuilder(Saga saga) => _saga = saga;

    /// <summary>Declares a node that returns something.</summary>
    /// <param name="name">Its name, unique in this saga.</param>
    /// <param name="action">What it does. May be run again after a crash. If it throws, it has had no effect: it is not undone.</param>
    /// <param name="undo">What takes it back, given what the action returned; null: there is nothing to take back.</param>
    /// <param name="after">The nodes that must have succeeded first; none: it runs at once.</param>
    /// <exception cref="InvalidOperationException">The name is empty or taken, or <paramref name="after"/> holds a foreign node.</exception>
    public SagaNode<TOutput> Node<TOutput>(
        string name,
        Func<NodeContext<TParameters>, Task<TOutput>> action,
        Func<NodeContext<TParameters>, TOutput, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode<TOutput>(_nodes.Count, name);
        Add(node, new NodeCode<TParameters, TOutput>(action, undo), hasUndo: undo is not null, after);
        return node;
    }

    /// <summary>Declares a node that returns nothing.</summary>
    /// <param name="name">Its name, unique in this saga.</param>
    /// <param name="action">What it does. May be run again after a crash. If it throws, it has had no effect: it is not undone.</param>
    /// <param name="undo">What takes it back; null: there is nothing to take back.</param>
    /// <param name="after">The nodes that must have succeeded first; none: it runs at once.</param>
    /// <exception cref="InvalidOperationException">The name is empty or taken, or <paramref name="after"/> holds a foreign node.</exception>
    public SagaNode Node(
        string name,
        Func<NodeContext<TParameters>, Task> action,
        Func<NodeContext<TParameters>, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode(_nodes.Count, name);
        Add(node, new PlainNodeCode<TParameters>(action, undo), hasUndo: undo is not null, after);
        return node;
    }

    internal SagaDefinition Build(JsonSerializerOptions json)
    {
        if (string.IsNullOrWhiteSpace(_saga.Name))
        {
            throw new InvalidOperationException($"The saga of type {_saga.GetType()} has no name.");
        }

        if (_saga.Version < 1)
        {
            throw Invalid($"its version must be at least 1 (was {_saga.Version}).");
        }

        if (_nodes.Count == 0)
        {
            throw Invalid("it has no nodes.");
        }

        return new SagaDefinition<TParameters>(_saga, new SagaShape(_shape), _code, json);
    }

    private void Add(SagaNode node, NodeCode<TParameters> code, bool hasUndo, IReadOnlyList<SagaNode> after)
    {
        if (string.IsNullOrWhiteSpace(node.Name))
        {
            throw Invalid($"node {node.Id} has no name.");
        }

        if (_nodes.Exists(other => other.Name == node.Name))
        {
            throw Invalid($"node '{node.Name}' is declared twice.");
        }

        foreach (SagaNode parent in after)
        {
            if (!_nodes.Contains(parent)) // by reference: a node of another saga has ids of its own
            {
                throw Invalid($"node '{node.Name}' comes after node '{parent?.Name}', which is not a node of this saga.");
            }
        }

        _nodes.Add(node);
        _code.Add(code);
        _shape.Add(new ShapeNode(node.Name, hasUndo, [.. after.Select(parent => parent.Id).Distinct().Order()]));
    }

    private InvalidOperationException Invalid(string what) => new($"Saga '{_saga.Name}' version {_saga.Version} is not valid: {what}");
}
