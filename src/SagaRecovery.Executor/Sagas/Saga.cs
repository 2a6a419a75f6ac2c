using System.Diagnostics.CodeAnalysis;
using System.Text.Json;

namespace SagaRecovery;

/// <summary>The base type of all saga definitions. Derive from <see cref="Saga{TParameters}"/>.</summary>
public abstract class Saga
{
    private protected Saga()
    {
    }

    /// <summary>The name of the definition in the store, the log and the operator tools.</summary>
    public abstract string Name { get; }

    /// <summary>The version of the definition. Raise it whenever the nodes change.</summary>
    /// <value>A number, at least 1. The default is 1.</value>
    /// <remarks>
    /// A saga resumes only in a process that registers the exact definition with which it was started. Keep the class of an older version
    /// registered beside the new one until its sagas have finished.
    /// </remarks>
    public virtual int Version => 1;

    internal abstract SagaDefinition BuildDefinition(JsonSerializerOptions json);
}

/// <summary>
/// A saga definition: a DAG of nodes, each with an action and an optional undo.
/// </summary>
/// <typeparam name="TParameters">The type of the saga's parameters, which are stored as JSON.</typeparam>
/// <remarks>
/// <para>One instance serves all sagas of the definition, on many threads at once. It must not keep the state of a single saga in its fields.</para>
/// <para>
/// An action or undo that was in flight when its process ended runs again. Actions and undos must be idempotent. Use
/// <see cref="NodeContext{TParameters}.IdempotencyKey"/> for calls to other services.
/// </para>
/// </remarks>
[SuppressMessage("ApiDesign", "RS0022", Justification = "The base class has no protected members that deriving could expose.")]
public abstract class Saga<TParameters> : Saga
{
    /// <summary>Declares the nodes. Called once, when the host starts.</summary>
    /// <param name="saga">The builder of the definition.</param>
    protected internal abstract void Define(SagaBuilder<TParameters> saga);

    internal sealed override SagaDefinition BuildDefinition(JsonSerializerOptions json)
    {
        var builder = new SagaBuilder<TParameters>(this);
        Define(builder);
        return builder.Build(json);
    }
}
