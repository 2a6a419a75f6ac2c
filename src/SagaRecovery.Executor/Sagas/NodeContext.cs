using System.Data.Common;
using System.Security.Cryptography;
using System.Text;

namespace SagaRecovery;

/// <summary>The context that an action or an undo receives. Thread-safe.</summary>
/// <typeparam name="TParameters">The type of the saga's parameters.</typeparam>
public sealed class NodeContext<TParameters>
{
    private readonly NodeOutputs _outputs;
    private readonly StepRequest _step;
    private readonly AttemptServices _services;
    private readonly string _path; // of the subsagas that contain the node; empty for none

    internal NodeContext(SagaId sagaId, StepRequest step, TParameters parameters, NodeOutputs outputs, AttemptServices services, string path = "")
    {
        SagaId = sagaId;
        Parameters = parameters;
        _outputs = outputs;
        _step = step;
        _services = services;
        _path = path;
    }

    /// <summary>The id of the saga.</summary>
    public SagaId SagaId { get; }

    /// <summary>The name of the node in its saga, or in the subsaga that it belongs to.</summary>
    public string NodeName => _outputs.Shape.NameOf(_step.Node);

    /// <summary>The parameters with which the saga was started.</summary>
    public TParameters Parameters { get; }

    /// <summary>The idempotency key of this action, or of this undo, in this saga.</summary>
    /// <value>
    /// A UUIDv8 (RFC 9562), derived from the saga's id and the node's name, with the names of the subsagas that contain the node. The undo of a node has another key than its action, since it
    /// makes another call.
    /// </value>
    /// <remarks>
    /// The key is the same in every process and for every attempt. Pass it to the services that the step calls, so that a repeated call has
    /// no second effect.
    /// </remarks>
    public Guid IdempotencyKey => CreateIdempotencyKey(SagaId, _path + NodeName, _step.IsUndo);

    /// <summary>The idempotency key of the node's action. An undo finds with it what the action made.</summary>
    /// <value>In an action the same as <see cref="IdempotencyKey"/>.</value>
    public Guid ActionIdempotencyKey => CreateIdempotencyKey(SagaId, _path + NodeName, isUndo: false);

    /// <summary>The number of this attempt in this process.</summary>
    /// <value>At least 1.</value>
    public int Attempt => _step.Attempt;

    /// <summary>The services of a scope of this attempt, as a web request has one: a scoped <c>DbContext</c> is new for each attempt.</summary>
    /// <value>The scope is created at the first access, and disposed when the attempt has ended.</value>
    /// <exception cref="InvalidOperationException">The saga does not run in a host.</exception>
    public IServiceProvider Services => _services.Provider;

    /// <summary>The token that is cancelled when this process has to stop running the saga, or at the time limit of the attempt.</summary>
    /// <remarks>
    /// The process stops a saga when it shuts down, is fenced or relinquishes the saga. An exception after the cancellation does not count as
    /// a failure: the node runs again when the saga is resumed.
    /// </remarks>
    public CancellationToken CancellationToken => _step.CancellationToken;

    /// <summary>The transaction that will write the end of this step.</summary>
    internal DbTransaction Transaction => _step.Transaction ?? throw new InvalidOperationException($"Node '{NodeName}' is not transactional.");

    /// <summary>Returns the output of an earlier node.</summary>
    /// <typeparam name="TOutput">The type of the output.</typeparam>
    /// <param name="node">A node that precedes this one, directly or through other nodes.</param>
    /// <returns>The output, deserialized from the log.</returns>
    /// <exception cref="ArgumentException">The node belongs to another saga, or does not precede this one and may not have run.</exception>
    public TOutput Output<TOutput>(SagaNode<TOutput> node)
    {
        if (_outputs.Shape.Contains(node) && !_outputs.Shape.ComesAfter(_step.Node, node.Id))
        {
            throw new ArgumentException(
                $"Node '{NodeName}' reads the output of node '{node.Name}' but does not come after it. Add '{node.Name}' to its 'after' nodes.",
                nameof(node));
        }

        return _outputs.ReadForNode(node);
    }

    /// <summary>Creates the context of the same attempt for the code of a subsaga.</summary>
    /// <param name="outputs">The outputs of the subsaga.</param>
    /// <param name="subsaga">The node that holds the parameters of the subsaga.</param>
    /// <param name="parameters">The parameters of the subsaga.</param>
    internal NodeContext<TInner> Within<TInner>(NodeOutputs outputs, SagaNode subsaga, TInner parameters) => new(
        SagaId,
        _step with { Node = _step.Node - Subsaga.NodeId(subsaga.Id, 0) },
        parameters,
        outputs,
        _services,
        $"{_path}{subsaga.Name}{SagaShape.PathSeparator}");

    internal static Guid CreateIdempotencyKey(SagaId sagaId, string nodeName, bool isUndo)
    {
        byte[] name = Encoding.UTF8.GetBytes(isUndo ? nodeName + "\0undo" : nodeName); // a name with this ending would be another node's
        byte[] input = new byte[16 + name.Length];
        sagaId.Value.TryWriteBytes(input, bigEndian: true, out _);
        name.CopyTo(input, 16);

        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(input, hash);
        return UuidV8.From(hash);
    }
}
