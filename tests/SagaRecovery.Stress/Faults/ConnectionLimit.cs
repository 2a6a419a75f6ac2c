using Npgsql;

namespace SagaRecovery.Stress.Faults;

/// <summary>Other clients hold all the connections that the server allows: the service has lost its own and gets no new ones.</summary>
internal sealed class ConnectionLimit : DatabaseFault
{
    private const string Hog = "hog";

    /// <summary>
    /// True if none of the service's connections holds a slot. One that is still being authenticated is not listed yet, but then the listed
    /// ones do not account for all slots.
    /// </summary>
    private const string ServiceIsOut =
        $"""
        select count(*) filter (where usename = '{Stage.Role}') = 0
            and count(*) >= current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        from pg_stat_activity where backend_type = 'client backend' and pid <> pg_backend_pid()
        """;

    private readonly List<NpgsqlConnection> _held = [];

    public override string Name => "connection limit";

    public override async Task StrikeAsync(Stage stage, Random dice)
    {
        await stage.ExecuteAsync($"drop role if exists {Hog}; create role {Hog} login password '{Hog}'");
        string asHog = new NpgsqlConnectionStringBuilder(stage.Connection) { Username = Hog, Password = Hog, Pooling = false }.ConnectionString;
        await Eventually.HoldsAsync(() => TryHoldAllAsync(stage, asHog), "others held all connections");
    }

    public override async Task HealAsync(Stage stage) => await DisposeAsync();

    public override async ValueTask DisposeAsync()
    {
        foreach (NpgsqlConnection connection in _held)
        {
            await connection.DisposeAsync();
        }

        _held.Clear();
        await base.DisposeAsync();
    }

    private async Task<bool> TryHoldAllAsync(Stage stage, string asHog)
    {
        try
        {
            await EndConnectionsAsync(stage); // the service is quick to reconnect: other clients keep what they hold
            while (await TryHoldOneMoreAsync(asHog))
            {
            }

            return await stage.ScalarAsync<bool>(ServiceIsOut);
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.TooManyConnections)
        {
            return false; // clients that are about to be refused take the slots that are reserved for us, for a moment
        }
    }

    private async Task<bool> TryHoldOneMoreAsync(string connectionString)
    {
        var connection = new NpgsqlConnection(connectionString);
        try
        {
            await connection.OpenAsync();
            _held.Add(connection);
            return true;
        }
        catch (PostgresException refused) when (refused.SqlState == PostgresErrorCodes.TooManyConnections)
        {
            await connection.DisposeAsync();
            return false;
        }
    }
}
