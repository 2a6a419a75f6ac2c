using ControlPlane.Database;
using Npgsql;
using SagaRecovery;

namespace ControlPlane.Projects;

/// <summary>Nodes that insert and output a row, or rows, and whose undo deletes it.</summary>
internal static class RowNodes
{
    /// <summary>Adds a node for a row.</summary>
    public static SagaNode<TRow> Row<TParameters, TRow>(
        this SagaBuilder<TParameters> saga,
        string name,
        ControlPlaneDatabase database,
        Func<NodeContext<TParameters>, TRow> newRow,
        Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> insert,
        Func<NpgsqlConnection, TRow, CancellationToken, Task<int>> delete,
        params IReadOnlyList<SagaNode> after)
    {
        return saga.Node(name, InsertAsync, DeleteAsync, after);

        async Task<TRow> InsertAsync(NodeContext<TParameters> context)
        {
            TRow row = newRow(context);
            await database.RunAsync(connection => insert(connection, row, context.CancellationToken), context.CancellationToken);
            return row;
        }

        Task DeleteAsync(NodeContext<TParameters> context, TRow row) =>
            database.RunAsync(connection => delete(connection, row, context.CancellationToken), context.CancellationToken);
    }
}
