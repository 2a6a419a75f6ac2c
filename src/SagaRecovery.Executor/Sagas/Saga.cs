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

    /// <summary>Lets this instance declare its nodes, for callers that read outputs by them.</summary>
    internal abstract void DeclareNodes();

    /// <summary>Builds the definition.</summary>
    /// <param name="json">The settings of the stored values.</param>
    /// <param name="instanceOfAttempt">Resolves the instance whose code an attempt runs. Null to run the code of this instance.</param>
    /// <exception cref="InvalidOperationException">The definition is invalid.</exception>
    internal abstract SagaDefinition BuildDefinition(JsonSerializerOptions json, Func<IServiceProvider, Saga>? instanceOfAttempt = null);
}

/// <summary>
/// A saga definition: a DAG of nodes, each with an action and an optional undo.
/// </summary>
/// <typeparam name="TParameters">The type of the saga's parameters, which are stored as JSON.</typeparam>
/// <remarks>
/// <para>
/// Registered as a singleton, one instance serves all sagas of the definition, on many threads at once. Registered as scoped, an instance
/// serves one attempt of one step. In either case it must not keep the state of a saga in its fields.
/// </para>
/// <para>
/// An action or undo that was in flight when its process ended runs again. Actions and undos must be idempotent. Use
/// <see cref="NodeContext{TParameters}.IdempotencyKey"/> for calls to other services.
/// </para>
/// </remarks>
[SuppressMessage("ApiDesign", "RS0022", Justification = "The base class has no protected members that deriving could expose.")]
public abstract class Saga<TParameters> : Saga
{
    /// <summary>Declares the nodes. Called when the host starts, and on each instance of a saga that is registered as scoped.</summary>
    /// <param name="saga">The builder of the definition.</param>
    /// <remarks>It must declare the same nodes whenever it is called.</remarks>
    protected internal abstract void Define(SagaBuilder<TParameters> saga);

    internal sealed override SagaDefinition BuildDefinition(JsonSerializerOptions json, Func<IServiceProvider, Saga>? instanceOfAttempt = null) =>
        Declare().Build(json, instanceOfAttempt);

    internal sealed override void DeclareNodes() => Declare();

    /// <summary>Returns a builder with the nodes of this instance.</summary>
    internal SagaBuilder<TParameters> Declare()
    {
        var builder = new SagaBuilder<TParameters>(this);
        try
        {
            Define(builder);
        }
        catch (Exception e) when (!e.Message.StartsWith($"Saga '{Name}' ", StringComparison.Ordinal)) // as the builder's do
        {
            throw new InvalidOperationException($"Saga '{Name}' version {Version} ({GetType()}) could not declare its nodes: {e.Message}", e);
        }

        return builder;
    }
}
