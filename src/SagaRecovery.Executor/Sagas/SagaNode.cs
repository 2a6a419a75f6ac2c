namespace SagaRecovery;

/// <summary>A node of a saga definition, as <see cref="SagaBuilder{TParameters}"/> returns it. Immutable.</summary>
public class SagaNode
{
    internal SagaNode(int id, string name, object? declaredBy = null)
    {
        Id = id;
        Name = name;
        DeclaredBy = declaredBy;
    }

    /// <summary>The zero-based position of the node in the order of declaration. It identifies the node in the log.</summary>
    public int Id { get; }

    /// <summary>The name of the node, unique in its saga.</summary>
    public string Name { get; }

    /// <summary>The builder that declared the node: a node of another saga may have the same id and name.</summary>
    internal object? DeclaredBy { get; }
}

/// <summary>A node with an output that later nodes, its undo and the caller can read. Immutable.</summary>
/// <typeparam name="TOutput">The type of the output, which is stored as JSON.</typeparam>
public sealed class SagaNode<TOutput> : SagaNode
{
    internal SagaNode(int id, string name, object? declaredBy = null)
        : base(id, name, declaredBy)
    {
    }
}
