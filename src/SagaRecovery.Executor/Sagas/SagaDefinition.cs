using System.Data.Common;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>A registered saga definition: its shape, its code and its stored form. Immutable and thread-safe.</summary>
internal abstract class SagaDefinition
{
    protected SagaDefinition(Saga saga, SagaShape shape, IReadOnlyList<NodePolicy> policies, JsonSerializerOptions json)
    {
        Policies = policies;
        byte[] dag = shape.ToCanonicalJson(saga.Name, saga.Version);
        Saga = saga;
        Shape = shape;
        Json = json;
        Saved = new SavedDefinition(DefinitionHash.Of(dag), saga.Name, saga.Version, dag);
    }

    public Saga Saga { get; }

    public SagaShape Shape { get; }

    public SavedDefinition Saved { get; }

    /// <summary>The policy of each node.</summary>
    public IReadOnlyList<NodePolicy> Policies { get; }

    public JsonSerializerOptions Json { get; }

    /// <summary>
    /// Returns true if a cancelled saga may leave the action of a node without a result: the node has no undo, or one that bears an action
    /// that may or may not have taken effect. A transactional node has a result in any case, since the log knows whether it has taken effect.
    /// </summary>
    public bool MayStayOpen(int node) => !Shape.IsTransactional(node) && (!Shape.HasUndo(node) || Policies[node].UndoAfterFailure);

    /// <summary>Binds the code to one saga.</summary>
    /// <exception cref="JsonException">The parameters cannot be deserialized to the saga's parameter type.</exception>
    public abstract SagaCode Bind(SagaId sagaId, ReadOnlyMemory<byte> parameters, NodeOutputs outputs, IServiceScopeFactory? scopes);

    /// <summary>Returns the name and the version: <c>'order' version 2</c>.</summary>
    public override string ToString() => Saga.Describe();
}

internal sealed class SagaDefinition<TParameters>(
    Saga saga,
    SagaShape shape,
    IReadOnlyList<NodeCode<TParameters>> code,
    IReadOnlyList<NodePolicy> policies,
    JsonSerializerOptions json,
    Func<IServiceProvider, Saga>? instanceOfAttempt)
    : SagaDefinition(saga, shape, policies, json)
{
    private readonly NodeCode<TParameters>[] _code = [.. code];

    public override SagaCode Bind(SagaId sagaId, ReadOnlyMemory<byte> parameters, NodeOutputs outputs, IServiceScopeFactory? scopes)
    {
        TParameters read = JsonSerializer.Deserialize(parameters.Span, Json.TypeInfo<TParameters>())!;
        return new BoundCode(this, sagaId, read, outputs, scopes);
    }

    private NodeCode<TParameters> CodeFor(NodeContext<TParameters> context, int node)
    {
        if (instanceOfAttempt is null)
        {
            return _code[node];
        }

        SagaBuilder<TParameters> declared = ((Saga<TParameters>)instanceOfAttempt(context.Services)).Declare(context.Parameters);
        return declared.Matches(Shape)
            ? declared.Code[node]
            : throw new SagaDataException($"{Saga.GetType()} has declared other nodes than before. Define must declare the same nodes whenever it is called.");
    }

    private sealed class BoundCode(
        SagaDefinition<TParameters> definition, SagaId sagaId, TParameters parameters, NodeOutputs outputs, IServiceScopeFactory? scopes) : SagaCode
    {
        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public override async ValueTask<ReadOnlyMemory<byte>> RunAsync(StepRequest step)
        {
            var services = new AttemptServices(scopes);
            var context = new NodeContext<TParameters>(sagaId, step, parameters, outputs, services);
            try
            {
                NodeCode<TParameters> code = definition.CodeFor(context, step.Node);
                if (!step.IsUndo)
                {
                    return await code.RunActionAsync(context, outputs).ConfigureAwait(false);
                }

                await code.RunUndoAsync(context, step.Node, outputs).ConfigureAwait(false);
                return default;
            }
            finally
            {
                await DisposeAsync(services, step).ConfigureAwait(false);
            }
        }

        [SuppressMessage("Design", "CA1031", Justification = "Code of the user's services. The result of the step stands.")]
        private static async Task DisposeAsync(AttemptServices services, StepRequest step)
        {
            try
            {
                await services.DisposeAsync().ConfigureAwait(false);
            }
            catch (Exception e)
            {
                step.OnDisposeFailed(e);
            }
        }
    }
}

/// <summary>The actions and undos of one saga, bound to its parameters and outputs.</summary>
internal abstract class SagaCode
{
    /// <summary>Runs one attempt of an action or undo.</summary>
    /// <returns>The output as JSON in UTF-8; empty for an undo and for a node without an output.</returns>
    /// <exception cref="SagaDataException">
    /// The output cannot be serialized, or an output that the step reads cannot be deserialized. Any other exception comes from the step.
    /// </exception>
    public abstract ValueTask<ReadOnlyMemory<byte>> RunAsync(StepRequest step);
}

/// <summary>One attempt of an action or undo.</summary>
/// <param name="Node">The node.</param>
/// <param name="IsUndo">True for its undo.</param>
/// <param name="Attempt">The number of the attempt, from 1.</param>
/// <param name="OnDisposeFailed">Hears of a service that could not be disposed after the attempt.</param>
/// <param name="CancellationToken">The token of the attempt.</param>
internal readonly record struct StepRequest(int Node, bool IsUndo, int Attempt, Action<Exception> OnDisposeFailed, CancellationToken CancellationToken)
{
    /// <summary>The transaction that will write the end of the step; null unless the node is transactional.</summary>
    public DbTransaction? Transaction { get; init; }
}
