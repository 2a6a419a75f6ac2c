using Npgsql;

namespace ControlPlane.Tests.Support;

/// <summary>Tests on an empty database of their own, under a coordinator id of their own.</summary>
[Collection(OnPostgres.Name)]
public abstract class DatabaseTests(PostgresCluster postgres) : IAsyncLifetime
{
    internal string Database { get; private set; } = "";

    internal Ledger Ledger { get; private set; } = null!;

    internal Guid CoordinatorId { get; } = Guid.NewGuid();

    public virtual async ValueTask InitializeAsync()
    {
        Database = new NpgsqlConnectionStringBuilder(await postgres.NewDatabaseAsync()) { MaxPoolSize = 40 }.ConnectionString;
        Ledger = new Ledger(Database);
    }

    public virtual ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        return ValueTask.CompletedTask;
    }

    internal Task<ServiceProcess> StartServiceAsync(params IReadOnlyList<string> settings) =>
        ServiceProcess.StartAsync(Database, CoordinatorId, settings);
}
