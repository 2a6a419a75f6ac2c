using System.Data.Common;
using SagaRecovery;

namespace ControlPlane.Projects;

/// <summary>Nodes that insert and output a row, or rows, and whose undo deletes it.</summary>
internal static class RowNodes
{
    /// <summary>Adds a node for a row. Its insert commits with the node, so that the row can have a new id in each attempt.</summary>
    public static SagaNode<TRow> Row<TParameters, TRow>(
        this SagaBuilder<TParameters> saga,
        string name,
        Func<NodeContext<TParameters>, TRow> newRow,
        Func<DbTransaction, TRow, CancellationToken, Task<int>> insert,
        Func<DbTransaction, TRow, CancellationToken, Task<int>> delete,
        params IReadOnlyList<SagaNode> after)
    {
        return saga.TransactionalNode(name, InsertAsync, DeleteAsync, after);

        async Task<TRow> InsertAsync(NodeContext<TParameters> context, DbTransaction transaction)
        {
            TRow row = newRow(context);
            await insert(transaction, row, context.CancellationToken);
            return row;
        }

        Task DeleteAsync(NodeContext<TParameters> context, DbTransaction transaction, TRow row) => delete(transaction, row, context.CancellationToken);
    }
}
