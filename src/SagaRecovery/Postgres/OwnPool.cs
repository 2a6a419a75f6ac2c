using System.Diagnostics.CodeAnalysis;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// A connection pool for recovery and the saga log alone, with the settings of the host's data source. Sagas that hold all connections of the
/// host's pool then stop neither heartbeats nor the log. Thread-safe.
/// </summary>
/// <remarks>
/// A data source does not give back what was set in code. A clone of its connection has the password and the callbacks for TLS, but neither
/// root certificates nor initializers. So the pool of the host serves instead if the first connection fails here and succeeds there.
/// </remarks>
/// <param name="host">The data source of the host.</param>
/// <param name="maxPoolSize">The size of the pool; 0 to use the pool of the host.</param>
/// <param name="logger">Logs the use of the host's pool.</param>
internal sealed class OwnPool(NpgsqlDataSource host, int maxPoolSize, ILogger logger) : IConnectionPool, IAsyncDisposable, IDisposable
{
    private readonly SemaphoreSlim _choosing = new(1);
    private NpgsqlDataSource? _own;
    private volatile NpgsqlDataSource? _chosen; // null until a connection has been opened

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) =>
        _chosen is { } chosen ? chosen.OpenConnectionAsync(cancellationToken) : ChooseAsync(cancellationToken);

    public Task ClearAsync() => _chosen is { } chosen ? DataSourcePool.ClearAsync(chosen) : Task.CompletedTask;

    public void Dispose()
    {
        _own?.Dispose();
        _choosing.Dispose();
    }

    public async ValueTask DisposeAsync()
    {
        if (_own is not null)
        {
            await _own.DisposeAsync().ConfigureAwait(false);
        }

        _choosing.Dispose();
    }

    /// <summary>Opens the first connection. Others wait, so that a server that is away is asked once at a time.</summary>
    private async ValueTask<NpgsqlConnection> ChooseAsync(CancellationToken cancellationToken)
    {
        await _choosing.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_chosen is null && ReasonToShare() is { } reason)
            {
                Log.SharedPool(logger, reason);
                _chosen = host;
            }

            if (_chosen is { } chosen)
            {
                return await chosen.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            }

            return await OpenFirstAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _choosing.Release();
        }
    }

    [SuppressMessage("Design", "CA1031", Justification = "Callbacks of the host may throw anything. If its own pool fails too, that exception is thrown.")]
    private async Task<NpgsqlConnection> OpenFirstAsync(CancellationToken cancellationToken)
    {
        try
        {
            _own ??= await CreateAsync(cancellationToken).ConfigureAwait(false);
            NpgsqlConnection connection = await _own.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            _chosen = _own;
            return connection;
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested && !IsUnreachable(failure)) // also from callbacks of the host
        {
            NpgsqlConnection connection = await host.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            Log.SharedPool(logger, $"a connection with its settings failed: {failure.Message}");
            _chosen = host;
            return connection;
        }
    }

    /// <summary>Returns true if no server answered. The host would not reach one either, and a second wait would be for nothing.</summary>
    private static bool IsUnreachable(Exception failure) => failure is NpgsqlException { InnerException: SocketException or TimeoutException };

    /// <returns>The reason to use the pool of the host; null if there is none.</returns>
    private string? ReasonToShare()
    {
        if (maxPoolSize == 0)
        {
            return $"{PostgresStoreOptions.SectionName}:{nameof(PostgresStoreOptions.MaxPoolSize)} is 0";
        }

        // The result of WithTargetSession: its connection string has all servers, but not the kind of server to choose.
        bool choosesServer = host is not NpgsqlMultiHostDataSource
            && new NpgsqlConnectionStringBuilder(host.ConnectionString).Host?.Contains(',', StringComparison.Ordinal) == true;
        return choosesServer ? "it chooses among several servers, and its choice cannot be read back" : null;
    }

    private async Task<NpgsqlDataSource> CreateAsync(CancellationToken cancellationToken)
    {
        // A reset takes seven statements each time that a connection is used. No statement of this library leaves anything in its session.
        var settings = new NpgsqlConnectionStringBuilder(host.ConnectionString) { MaxPoolSize = maxPoolSize, MinPoolSize = 0, NoResetOnClose = true };
        var builder = new NpgsqlDataSourceBuilder(settings.ConnectionString) { Name = "SagaRecovery" };
        NpgsqlConnection clone = await CloneAsync(cancellationToken).ConfigureAwait(false);
        await using (clone.ConfigureAwait(false))
        {
            if (settings.Password is null && PasswordOf(clone) is not null)
            {
                // Read for each physical connection: it may change.
                builder.UsePasswordProvider(
                    _ => throw new NotSupportedException("Recovery opens connections asynchronously."),
                    async (_, cancellation) =>
                    {
                        NpgsqlConnection current = await CloneAsync(cancellation).ConfigureAwait(false);
                        await using (current.ConfigureAwait(false))
                        {
                            return PasswordOf(current) ?? "";
                        }
                    });
            }

            if (clone.SslClientAuthenticationOptionsCallback is { } authenticate)
            {
                builder.UseSslClientAuthenticationOptionsCallback(authenticate);
            }
        }

        return builder.Build();
    }

    private async ValueTask<NpgsqlConnection> CloneAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = host.CreateConnection();
        await using (connection.ConfigureAwait(false))
        {
            return await connection.CloneWithAsync(host.ConnectionString, cancellationToken).ConfigureAwait(false);
        }
    }

    private static string? PasswordOf(NpgsqlConnection unopened) => new NpgsqlConnectionStringBuilder(unopened.ConnectionString).Password;
}
