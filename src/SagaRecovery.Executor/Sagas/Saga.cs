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
    /// registered beside the new one until its sagas have ended. A start whose nodes have changed under the same version is refused while the
    /// former nodes are needed, unless they are registered as a former shape.
    /// </remarks>
    public virtual int Version => 1;

    /// <summary>True if the nodes depend on the parameters of a saga.</summary>
    internal virtual bool IsDynamic => false;

    /// <summary>Lets this instance declare its nodes, for callers that read outputs by them.</summary>
    /// <param name="parameters">The parameters of a saga as stored. Ignored unless the saga is dynamic.</param>
    /// <param name="json">The settings of the stored values.</param>
    internal abstract void DeclareNodes(ReadOnlyMemory<byte> parameters, JsonSerializerOptions json);

    /// <summary>Checks all of the definition that does not depend on its nodes.</summary>
    /// <exception cref="InvalidOperationException">It is invalid.</exception>
    internal abstract void Validate(JsonSerializerOptions json);

    /// <summary>Builds the definition.</summary>
    /// <param name="json">The settings of the stored values.</param>
    /// <param name="parameters">The parameters of a saga as stored. Ignored unless the saga is dynamic.</param>
    /// <param name="instanceOfAttempt">Resolves the instance whose code an attempt runs. Null to run the code of this instance.</param>
    /// <exception cref="InvalidOperationException">The definition is invalid.</exception>
    /// <exception cref="JsonException">The parameters cannot be deserialized.</exception>
    internal abstract SagaDefinition BuildDefinition(
        JsonSerializerOptions json, ReadOnlyMemory<byte> parameters = default, Func<IServiceProvider, Saga>? instanceOfAttempt = null);

    /// <summary>Returns the name and the version: <c>'order' version 2</c>.</summary>
    internal string Describe() => $"'{Name}' version {Version}";

    /// <summary>Creates the exception for a mistake in the definition.</summary>
    internal InvalidOperationException Invalid(string mistake) => new($"Saga {Describe()} is not valid: {mistake}");
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

    internal sealed override void Validate(JsonSerializerOptions json)
    {
        if (string.IsNullOrWhiteSpace(Name))
        {
            throw new InvalidOperationException($"The saga of type {GetType()} has no name.");
        }

        if (Version < 1)
        {
            throw Invalid($"its version must be at least 1 (was {Version}).");
        }

        if (JsonRoundTrip.FindMistake(typeof(TParameters), json) is { } mistake)
        {
            throw Invalid($"its parameters would not be stored as they are given: {mistake}.");
        }
    }

    internal sealed override SagaDefinition BuildDefinition(
        JsonSerializerOptions json, ReadOnlyMemory<byte> parameters = default, Func<IServiceProvider, Saga>? instanceOfAttempt = null)
    {
        Validate(json);
        return Declare(Read(parameters, json)).Build(json, instanceOfAttempt);
    }

    internal sealed override void DeclareNodes(ReadOnlyMemory<byte> parameters, JsonSerializerOptions json) => Declare(Read(parameters, json));

    /// <summary>Returns a builder with the nodes of this instance.</summary>
    /// <param name="parameters">The parameters of a saga. Ignored unless the saga is dynamic.</param>
    /// <param name="containing">The sagas that contain this one as a subsaga, outermost first; null for none.</param>
    internal SagaBuilder<TParameters> Declare(TParameters parameters, IReadOnlyList<Saga>? containing = null)
    {
        var builder = new SagaBuilder<TParameters>(this, containing ?? []);
        try
        {
            DeclareOn(builder, parameters);
        }
        catch (Exception e) when (!e.Message.StartsWith($"Saga '{Name}' ", StringComparison.Ordinal)) // as the builder's do
        {
            throw new InvalidOperationException($"Saga {Describe()} ({GetType()}) could not declare its nodes: {e.Message}", e);
        }

        return builder;
    }

    private protected virtual void DeclareOn(SagaBuilder<TParameters> builder, TParameters parameters) => Define(builder);

    private TParameters Read(ReadOnlyMemory<byte> parameters, JsonSerializerOptions json) =>
        IsDynamic ? JsonSerializer.Deserialize(parameters.Span, json.TypeInfo<TParameters>())! : default!;
}
