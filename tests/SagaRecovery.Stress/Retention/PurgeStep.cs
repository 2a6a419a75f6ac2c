using Npgsql;

namespace SagaRecovery.Stress.Retention;

/// <summary>A step of a purge at which the server can hold it.</summary>
/// <param name="Name">The step.</param>
/// <param name="Table">The table that the purge uses at this step.</param>
/// <param name="Trigger">When a trigger on the table holds the purge; null for a lock on the table, since no trigger sees a read.</param>
internal sealed record PurgeStep(string Name, string Table, string? Trigger = null)
{
    /// <summary>All steps, in the order of a purge. The archive has confirmed the sagas before the first step with a trigger.</summary>
    public static IReadOnlyList<PurgeStep> Every { get; } =
    [
        new("find", "saga_node_event"),
        new("read for the archive", "saga_tag"),
        new("delete events", "saga_node_event", "before delete on {0} for each statement"),
        new("delete tags", "saga_tag", "before delete on {0} for each statement"),
        new("delete sagas", "saga", "after delete on {0} for each row"),
        new("commit sagas", "saga", "after delete on {0} deferrable initially deferred for each row"),
        new("delete operator actions", "saga_operator_action", "after delete on {0} for each row"),
        new("delete coordinators", "saga_coordinator", "after delete on {0} for each row"),
        new("commit coordinators", "saga_coordinator", "after delete on {0} deferrable initially deferred for each row"),
        new("delete definitions", "saga_definition", "after delete on {0} for each row"),
    ];

    /// <summary>True if the purge has deleted nothing before this step.</summary>
    public bool ReadsOnly => Trigger is null;

    /// <summary>Holds each purge that reaches the step.</summary>
    /// <returns>Releases it. A statement of a dead process then continues.</returns>
    public async Task<IAsyncDisposable> HoldAsync(Stage stage) => Trigger is null ? await TableLock.TakeAsync(stage, Table) : await Gate.CloseAsync(stage, this);

    /// <summary>A trigger at which a purge waits. It takes no lock, which the deletion would not wait for.</summary>
    private sealed class Gate(Stage stage) : IAsyncDisposable
    {
        public static async Task<Gate> CloseAsync(Stage stage, PurgeStep step)
        {
            string kind = step.Trigger!.Contains("deferrable", StringComparison.Ordinal) ? "constraint trigger" : "trigger";
            string when = step.Trigger.Replace("{0}", $"saga_recovery.{step.Table}", StringComparison.Ordinal);
            await stage.ExecuteAsync($"""
                create table public.gate as select 1 as is_closed;
                create function public.wait_at_gate() returns trigger security definer language plpgsql as
                    'begin while exists (select from public.gate) loop perform pg_sleep(0.05); end loop; return null; end';
                create {kind} wait_at_gate {when} execute function public.wait_at_gate();
                """);
            return new Gate(stage);
        }

        public async ValueTask DisposeAsync()
        {
            await stage.ExecuteAsync("delete from public.gate");
            await stage.ExecuteAsync("drop function public.wait_at_gate() cascade; drop table public.gate"); // waits for the transaction that was held
        }
    }

    private sealed class TableLock(NpgsqlConnection connection) : IAsyncDisposable
    {
        public static async Task<TableLock> TakeAsync(Stage stage, string table)
        {
            var connection = new NpgsqlConnection($"{stage.Superuser};Pooling=false");
            await connection.OpenAsync();
            await using NpgsqlCommand command = connection.CreateCommand();
            command.CommandText = $"begin; lock table saga_recovery.{table} in access exclusive mode";
            await command.ExecuteNonQueryAsync();
            return new TableLock(connection);
        }

        public ValueTask DisposeAsync() => connection.DisposeAsync();
    }
}
