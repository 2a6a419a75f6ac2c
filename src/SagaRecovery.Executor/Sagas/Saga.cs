using System.Text.Json;

namespace SagaRecovery;

/// <summary>A saga definition of any parameter type. Derive from <see cref="Saga{TParameters}"/>.</summary>
public abstract class Saga
{
    private protected Saga()
    {
    }

    /// <summary>What the definition is called, in the store and to people.</summary>
    public abstract string Name { get; }

    /// <summary>
    /// From 1 up. Raise it when the nodes change: a saga goes on only where the very definition is registered that it was started
    /// with. To let unfinished sagas of an older version end, keep its class registered beside the new one.
    /// </summary>
    public virtual int Version => 1;

    internal abstract SagaDefinition BuildDefinition(JsonSerializerOptions json);
}

/// <summary>
/// A saga definition: a DAG of nodes, each with an action and perhaps an undo. One instance from the container serves all sagas of the
/// kind, on many threads at once, so keep no state of a single saga in its fields.
/// </summary>
/// <typeparam name="TParameters">What a saga of this kind is started with; stored as JSON.</typeparam>
/// <remarks>
/// An action or undo that was under way when the process ended is run again: make it idempotent, with
/// <see cref="NodeContext{TParameters}.IdempotencyKey"/> where it calls others.
/// </remarks>
public abstract class Saga<TParameters> : Saga
{
    /// <summary>Declares the nodes. Called once, when the host starts.</summary>
    protected internal abstract void Define(SagaBuilder<TParameters> saga);

    internal sealed override SagaDefinition BuildDefinition(JsonSerializerOptions json)
    {
        var builder = new SagaBuilder<TParameters>(this);
        Define(builder);
        return builder.Build(json);
    }
}
