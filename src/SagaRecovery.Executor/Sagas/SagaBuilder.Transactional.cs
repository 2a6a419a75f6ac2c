using System.Data.Common;
using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery;

/// <content>The transactional nodes.</content>
public sealed partial class SagaBuilder<TParameters>
{
    /// <summary>Declares a node whose effect on the database of the sagas and whose <c>succeeded</c> event are committed together.</summary>
    /// <typeparam name="TOutput">The type of the output, which is stored as JSON.</typeparam>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="action">
    /// The action. It gets a transaction at READ COMMITTED, on a connection of the host's <c>NpgsqlDataSource</c>, and must neither commit it nor roll it
    /// back. If it throws, the transaction is rolled back.
    /// </param>
    /// <param name="undo">The undo, with a transaction of its own, which gets the output of the action. Null if there is nothing to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes and to read its output.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, or <paramref name="after"/> contains a node of another saga.
    /// </exception>
    /// <remarks>
    /// What the action writes with the transaction takes effect exactly once, through crashes and lost answers: it needs no idempotency key. The action itself
    /// may run more than once, so effects elsewhere must still be idempotent. A failed action has had no effect on the database, and is not undone: an effect
    /// elsewhere that may need an undo belongs into a node of its own. The node has <see cref="NodePolicy.Default"/>. The store must implement
    /// <see cref="Storage.ISagaTransactions"/>, as the Postgres store does.
    /// </remarks>
    /// <example>
    /// <code>
    /// SagaNode&lt;Guid&gt; disk = saga.TransactionalNode(
    ///     "disk",
    ///     action: (node, transaction) => disks.InsertAsync(transaction, node.Parameters.Size, node.CancellationToken),
    ///     undo: (node, transaction, id) => disks.DeleteAsync(transaction, id, node.CancellationToken));
    /// </code>
    /// </example>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in the type of the action, which each call states.")]
    public SagaNode<TOutput> TransactionalNode<TOutput>(
        string name,
        Func<NodeContext<TParameters>, DbTransaction, Task<TOutput>> action,
        Func<NodeContext<TParameters>, DbTransaction, TOutput, Task>? undo = null,
        params IReadOnlyList<SagaNode> after) => TransactionalNode(name, NodePolicy.Default, action, undo, after);

    /// <summary>Declares a node whose effect on the database of the sagas and whose <c>succeeded</c> event are committed together, with a policy.</summary>
    /// <typeparam name="TOutput">The type of the output, which is stored as JSON.</typeparam>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="policy">The retries and time limits of the node. <see cref="NodePolicy.UndoAfterFailure"/> is refused: a failed action has had no effect on the database.</param>
    /// <param name="action">The action. It must neither commit its transaction nor roll it back.</param>
    /// <param name="undo">The undo, with a transaction of its own, which gets the output of the action. Null if there is nothing to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes and to read its output.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, <paramref name="after"/> contains a node of another saga, or the policy is not valid.
    /// </exception>
    /// <remarks>
    /// The policy is about the exceptions of action and undo, and about a commit that the database refuses for what they did. A database that does not answer is
    /// asked again within the same attempt, up to its <see cref="StepPolicy.Timeout"/>: then the action may run once more, in another transaction.
    /// </remarks>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the policy: the optional ones make no call ambiguous.")]
    public SagaNode<TOutput> TransactionalNode<TOutput>(
        string name,
        NodePolicy policy,
        Func<NodeContext<TParameters>, DbTransaction, Task<TOutput>> action,
        Func<NodeContext<TParameters>, DbTransaction, TOutput, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode<TOutput>(_nodes.Count, name, this);
        var code = new NodeCode<TParameters, TOutput>(
            context => action(context, context.Transaction),
            undo is null ? null : (context, output) => undo(context, context.Transaction, output))
        {
            IsTransactional = true,
        };
        Add(node, code, hasUndo: undo is not null, policy, after);
        return node;
    }

    /// <summary>Declares a node without an output, whose effect on the database of the sagas and whose <c>succeeded</c> event are committed together.</summary>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="action">The action. It must neither commit its transaction nor roll it back.</param>
    /// <param name="undo">The undo, with a transaction of its own. Null if there is nothing to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, or <paramref name="after"/> contains a node of another saga.
    /// </exception>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in the type of the action, which each call states.")]
    public SagaNode TransactionalNode(
        string name,
        Func<NodeContext<TParameters>, DbTransaction, Task> action,
        Func<NodeContext<TParameters>, DbTransaction, Task>? undo = null,
        params IReadOnlyList<SagaNode> after) => TransactionalNode(name, NodePolicy.Default, action, undo, after);

    /// <summary>
    /// Declares a node without an output, whose effect on the database of the sagas and whose <c>succeeded</c> event are committed together, with a policy.
    /// </summary>
    /// <param name="name">The name of the node, unique in its saga.</param>
    /// <param name="policy">The retries and time limits of the node. <see cref="NodePolicy.UndoAfterFailure"/> is refused: a failed action has had no effect on the database.</param>
    /// <param name="action">The action. It must neither commit its transaction nor roll it back.</param>
    /// <param name="undo">The undo, with a transaction of its own. Null if there is nothing to undo.</param>
    /// <param name="after">The nodes that must succeed first. Without any, the node runs when the saga starts.</param>
    /// <returns>The node, to be named in the <paramref name="after"/> of later nodes.</returns>
    /// <exception cref="InvalidOperationException">
    /// The name is empty or already declared, <paramref name="after"/> contains a node of another saga, or the policy is not valid.
    /// </exception>
    [SuppressMessage("ApiDesign", "RS0026", Justification = "The overloads differ in a required parameter, the policy: the optional ones make no call ambiguous.")]
    public SagaNode TransactionalNode(
        string name,
        NodePolicy policy,
        Func<NodeContext<TParameters>, DbTransaction, Task> action,
        Func<NodeContext<TParameters>, DbTransaction, Task>? undo = null,
        params IReadOnlyList<SagaNode> after)
    {
        var node = new SagaNode(_nodes.Count, name, this);
        var code = new PlainNodeCode<TParameters>(
            context => action(context, context.Transaction),
            undo is null ? null : context => undo(context, context.Transaction))
        {
            IsTransactional = true,
        };
        Add(node, code, hasUndo: undo is not null, policy, after);
        return node;
    }
}
