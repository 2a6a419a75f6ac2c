using System.Text.Json;

namespace SagaRecovery;

/// <summary>The result of a saga, or of its run in this process.</summary>
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

        /// <summary>Returns the output of a node.</summary>
        /// <typeparam name="TOutput">The type of the output.</typeparam>
        /// <param name="node">A node of the saga.</param>
        /// <exception cref="ArgumentException">The node does not belong to this saga.</exception>
        /// <exception cref="JsonException">The stored output cannot be deserialized to <typeparamref name="TOutput"/>.</exception>
        public TOutput Output<TOutput>(SagaNode<TOutput> node) => _outputs.Read(node);

        /// <summary>Returns the output of a node by its name, for a saga whose nodes depend on its parameters.</summary>
        /// <typeparam name="TOutput">The type of the output.</typeparam>
        /// <param name="node">The name of a node of the saga that has an output.</param>
        /// <exception cref="ArgumentException">The saga has no node of this name.</exception>
        /// <exception cref="JsonException">The stored output cannot be deserialized to <typeparamref name="TOutput"/>.</exception>
        public TOutput Output<TOutput>(string node) => _outputs.Read<TOutput>(node);
    }

    /// <summary>An action failed, and every completed action was undone.</summary>
    /// <param name="FailedNode">The node whose action failed. Of several, after a resume or read from the store, the one with the lowest id.</param>
    /// <param name="Error">The error of the action.</param>
    public sealed record Unwound(string FailedNode, SagaError Error) : SagaResult;

    /// <summary>The saga was cancelled, and every completed action was undone.</summary>
    /// <param name="By">The author of the request; <c>deadline</c> if the saga had not finished by its deadline.</param>
    /// <param name="Reason">The reason for the request.</param>
    public sealed record Cancelled(string By, string Reason) : SagaResult;

    /// <summary>An action failed or the saga was cancelled, and then an undo failed. The saga is partly undone and needs an operator.</summary>
    /// <remarks>The operator retries or skips the undo. The saga then unwinds further, in a run of its own with another result.</remarks>
    /// <param name="Node">The node whose undo failed.</param>
    /// <param name="Error">The error of the undo.</param>
    /// <param name="FailedNode">The node whose failed action started the unwind; null if the saga was cancelled.</param>
    /// <param name="FailedNodeError">The error of that action; with the code <c>cancelled</c> if the saga was cancelled.</param>
    public sealed record Stuck(string Node, SagaError Error, string? FailedNode, SagaError FailedNodeError) : SagaResult;

    /// <summary>An operator or recovery abandoned the saga. What its actions have done is left as it is.</summary>
    /// <param name="Reason">The reason.</param>
    /// <param name="Comment">The details.</param>
    public sealed record Abandoned(string Reason, string Comment) : SagaResult;

    /// <summary>
    /// The saga has not ended, but this process no longer runs it: the process shuts down, is fenced, has relinquished the saga, or its run
    /// was interrupted. Another process or a later pass continues the saga, unless the database has lost it.
    /// </summary>
    /// <param name="Reason">The reason, as a text for the log.</param>
    public sealed record Interrupted(string Reason) : SagaResult;
}
