using Npgsql;

namespace SagaRecovery.Tests.Support;

/// <summary>A primary, its standby, and a pgpool that sends reads to the standby: for all tests of a class, one after the other.</summary>
public sealed class PooledStandby : IAsyncLifetime
{
    private StandbyPair? _servers;
    private PgPool? _pgPool;

    /// <summary>The reason why there are none; null: there are.</summary>
    public string? WhyNot { get; } = PgPool.WhyNot();

    internal StandbyPair Servers => _servers!;

    public async Task InitializeAsync()
    {
        if (WhyNot is not null)
        {
            return;
        }

        _servers = await StandbyPair.StartAsync();
        string database = await _servers.NewDatabaseAsync();
        await _servers.CaughtUpAsync();
        _pgPool = await PgPool.StartAsync(database, _servers.OnStandby(database));
    }

    /// <summary>The same connection, through pgpool.</summary>
    public string Through(string connectionString) => _pgPool!.Through(connectionString);

    public async Task DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        await (_pgPool?.DisposeAsync() ?? ValueTask.CompletedTask);
        await (_servers?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
