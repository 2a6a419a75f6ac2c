using System.Text.Json;

namespace SagaRecovery;

/// <summary>What came of a run of a saga in this process.</summary>
public abstract record SagaResult
{
    private SagaResult()
    {
    }

    /// <summary>Every action succeeded.</summary>
    public sealed record Succeeded : SagaResult
    {
        private readonly NodeOutputs _outputs;

        internal Succeeded(NodeOutputs outputs) => _outputs = outputs;

        /// <summary>What a node returned.</summary>
        /// <exception cref="ArgumentException">The node is not one of this saga.</exception>
        /// <exception cref="JsonException">What is stored does not fit <typeparamref name="TOutput"/>.</exception>
        public TOutput Output<TOutput>(SagaNode<TOutput> node) => _outputs.Read(node);
    }

    /// <summary>An action failed, and all that had been done was undone.</summary>
    /// <param name="FailedNode">The node whose action failed; the first one, where the log tells.</param>
    /// <param name="Error">Why it failed.</param>
    public sealed record Unwound(string FailedNode, SagaError Error) : SagaResult;

    /// <summary>An action failed, and so did an undo: what was done is undone in part, and an operator has to look.</summary>
    /// <param name="Node">The node whose undo failed.</param>
    /// <param name="Error">Why the undo failed.</param>
    /// <param name="FailedNode">The node whose action had failed.</param>
    /// <param name="FailedNodeError">Why the action had failed.</param>
    public sealed record Stuck(string Node, SagaError Error, string FailedNode, SagaError FailedNodeError) : SagaResult;

    /// <summary>
    /// The saga has not ended, but this process no longer runs it: it shuts down, is fenced, or the saga was taken away or given up.
    /// Another process or a later pass continues it, unless the database has lost it.
    /// </summary>
    /// <param name="Reason">Why, for people.</param>
    public sealed record Interrupted(string Reason) : SagaResult;
}
