namespace SagaRecovery.Tests.Support;

/// <summary>One pgbouncer for all tests that share it. Where it is not installed, they run without.</summary>
public sealed class Pooler : IAsyncLifetime
{
    private PgBouncer? _pgBouncer;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    /// <summary>The same connection, through the pooler.</summary>
    public async Task<string> ThroughAsync(string connectionString)
    {
        if (PgBouncer.WhyNot() is not null)
        {
            return connectionString;
        }

        _pgBouncer ??= await PgBouncer.StartAsync(connectionString);
        return _pgBouncer.Through(connectionString);
    }

    public async ValueTask DisposeAsync() => await (_pgBouncer?.DisposeAsync() ?? ValueTask.CompletedTask);
}

[CollectionDefinition(Name)]
public sealed class BehindPgBouncer : ICollectionFixture<PostgresCluster>, ICollectionFixture<Pooler>
{
    public const string Name = "behind pgbouncer";
}
