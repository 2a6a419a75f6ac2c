using System.Text.Json;
using SagaRecovery.Storage;

namespace SagaRecovery;

/// <summary>A registered saga definition: its shape, its code, and what the store keeps of it. Immutable, thread-safe.</summary>
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

    /// <summary>Joins the code with one saga.</summary>
    /// <exception cref="JsonException">The parameters do not fit the saga's type.</exception>
    public abstract SagaCode Bind(SagaId sagaId, ReadOnlyMemory<byte> parameters, NodeOutputs outputs);

    /// <summary>For people: <c>'order' version 2</c>.</summary>
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
        public override Task<ReadOnlyMemory<byte>> ActAsync(int node, CancellationToken cancellationToken) =>
            code[node].ActAsync(ContextOf(node, cancellationToken), outputs);

        public override Task UndoAsync(int node, CancellationToken cancellationToken) =>
            code[node].UndoAsync(ContextOf(node, cancellationToken), node, outputs);

        private NodeContext<TParameters> ContextOf(int node, CancellationToken cancellationToken) =>
            new(sagaId, node, parameters, outputs, cancellationToken);
    }
}

/// <summary>The actions and undos of one saga, parameters and outputs in hand.</summary>
internal abstract class SagaCode
{
    /// <summary>Runs a node's action.</summary>
    /// <returns>The output: JSON in UTF-8; empty for a node that returns nothing.</returns>
    /// <exception cref="SagaDataException">What the action returned cannot be written. Any other exception is the action's own.</exception>
    public abstract Task<ReadOnlyMemory<byte>> ActAsync(int node, CancellationToken cancellationToken);

    /// <summary>Runs a node's undo.</summary>
    /// <exception cref="SagaDataException">What the action had returned cannot be read. Any other exception is the undo's own.</exception>
    public abstract Task UndoAsync(int node, CancellationToken cancellationToken);
}
