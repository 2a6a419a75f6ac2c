using System.Text.Json;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>A registered saga definition: its shape, its code and its stored form. Immutable and thread-safe.</summary>
internal abstract class SagaDefinition
{
    protected SagaDefinition(Saga saga, SagaShape shape, JsonSerializerOptions json)
    {
        byte[] dag = shape.ToCanonicalJson(saga.Name, saga.Version);
        Saga = saga;
        Shape = shape;
        Json = json;
        Saved = new SavedDefinition(DefinitionHash.Of(dag), saga.Name, saga.Version, dag);
    }

    public Saga Saga { get; }

    public SagaShape Shape { get; }

    public SavedDefinition Saved { get; }

    public JsonSerializerOptions Json { get; }

    /// <summary>Binds the code to one saga.</summary>
    /// <exception cref="JsonException">The parameters cannot be deserialized to the saga's parameter type.</exception>
    public abstract SagaCode Bind(SagaId sagaId, ReadOnlyMemory<byte> parameters, NodeOutputs outputs);

    /// <summary>Returns the name and the version: <c>'order' version 2</c>.</summary>
    public override string ToString() => $"'{Saved.Name}' version {Saved.Version}";
}

internal sealed class SagaDefinition<TParameters>(
    Saga saga, SagaShape shape, IReadOnlyList<NodeCode<TParameters>> code, JsonSerializerOptions json)
    : SagaDefinition(saga, shape, json)
{
    private readonly NodeCode<TParameters>[] _code = [.. code];

    public override SagaCode Bind(SagaId sagaId, ReadOnlyMemory<byte> parameters, NodeOutputs outputs)
    {
        TParameters read = JsonSerializer.Deserialize<TParameters>(parameters.Span, Json)!;
        return new BoundCode(_code, sagaId, read, outputs);
    }

    private sealed class BoundCode(NodeCode<TParameters>[] code, SagaId sagaId, TParameters parameters, NodeOutputs outputs) : SagaCode
    {
        public override Task<ReadOnlyMemory<byte>> RunActionAsync(int node, CancellationToken cancellationToken) =>
            code[node].RunActionAsync(ContextOf(node, cancellationToken), outputs);

        public override Task RunUndoAsync(int node, CancellationToken cancellationToken) =>
            code[node].RunUndoAsync(ContextOf(node, cancellationToken), node, outputs);

        private NodeContext<TParameters> ContextOf(int node, CancellationToken cancellationToken) =>
            new(sagaId, node, parameters, outputs, cancellationToken);
    }
}

/// <summary>The actions and undos of one saga, bound to its parameters and outputs.</summary>
internal abstract class SagaCode
{
    /// <summary>Runs the action of a node.</summary>
    /// <returns>The output as JSON in UTF-8; empty for a node without an output.</returns>
    /// <exception cref="SagaDataException">The output cannot be serialized. Any other exception comes from the action.</exception>
    public abstract Task<ReadOnlyMemory<byte>> RunActionAsync(int node, CancellationToken cancellationToken);

    /// <summary>Runs the undo of a node.</summary>
    /// <exception cref="SagaDataException">The output of the action cannot be deserialized. Any other exception comes from the undo.</exception>
    public abstract Task RunUndoAsync(int node, CancellationToken cancellationToken);
}
