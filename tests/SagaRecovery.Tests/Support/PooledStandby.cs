using Npgsql;

namespace SagaRecovery.Tests.Support;

/// <summary>A primary, its standby, and pgpools that send reads to the standby: for all tests of a class, in sequence.</summary>
public sealed class PooledStandby : IAsyncLifetime
{
    private readonly Dictionary<string, PgPool> _pgPools = new(StringComparer.Ordinal);
    private StandbyPair? _servers;

    /// <summary>The reason why none can run; null: they run.</summary>
    public string? WhyNot { get; } = PgPool.WhyNot();

    internal StandbyPair Servers => _servers!;

    public async ValueTask InitializeAsync() => _servers = WhyNot is null ? await StandbyPair.StartAsync() : null;

    /// <summary>The same connection, through a pgpool.</summary>
    /// <param name="connectionString">To the primary.</param>
    /// <param name="writeFunctions">The functions that make a statement a write: see <see cref="PgPool.StartAsync" />.</param>
    public async Task<string> ThroughAsync(string connectionString, string writeFunctions)
    {
        if (!_pgPools.TryGetValue(writeFunctions, out PgPool? pgPool))
        {
            pgPool = await PgPool.StartAsync(connectionString, Servers.OnStandby(connectionString), writeFunctions);
            _pgPools.Add(writeFunctions, pgPool);
        }

        return pgPool.Through(connectionString);
    }

    public async ValueTask DisposeAsync()
    {
        NpgsqlConnection.ClearAllPools();
        foreach (PgPool pgPool in _pgPools.Values)
        {
            await pgPool.DisposeAsync();
        }

        await (_servers?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
