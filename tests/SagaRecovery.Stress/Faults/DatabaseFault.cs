namespace SagaRecovery.Stress.Faults;

/// <summary>A fault of the database, or between it and the service. Used for one strike and one healing.</summary>
internal abstract class DatabaseFault : IAsyncDisposable
{
    public abstract string Name { get; }

    /// <summary>True if a pass fails while it lasts. Otherwise the executor's writes do.</summary>
    public virtual bool FailsPasses => true;

    /// <summary>True if the service fails at any operation while it lasts. Otherwise the strike is certain once it has begun.</summary>
    public virtual bool IsNoticed => true;

    /// <summary>Starts the fault; it lasts when this returns.</summary>
    public abstract Task StrikeAsync(Stage stage, Random dice);

    /// <summary>Heals the fault.</summary>
    public abstract Task HealAsync(Stage stage);

    /// <summary>Releases its resources, healed or not.</summary>
    public virtual ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Ends the service's connections: settings of a role reach new ones only.</summary>
    protected static Task EndConnectionsAsync(Stage stage) => stage.ExecuteAsync(
        $"select pg_terminate_backend(pid) from pg_stat_activity where usename = '{Stage.Role}'");
}
