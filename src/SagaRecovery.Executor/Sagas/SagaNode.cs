namespace SagaRecovery;

/// <summary>A node of a saga definition, as <see cref="SagaBuilder{TParameters}"/> returns it. Immutable.</summary>
public class SagaNode
{
    internal SagaNode(int id, string name)
    {
        Id = id;
        Name = name;
    }

    /// <summary>Its place in the order of declaration, from 0; what the log knows it by.</summary>
    public int Id { get; }

    /// <summary>Its name, unique in its saga.</summary>
    public string Name { get; }
}

/// <summary>A node whose action returns something that later nodes, its undo and the caller can read.</summary>
/// <typeparam name="TOutput">What it returns; stored as JSON.</typeparam>
public sealed class SagaNode<TOutput> : SagaNode
{
    internal SagaNode(int id, string name)
        : base(id, name)
    {
    }
}
