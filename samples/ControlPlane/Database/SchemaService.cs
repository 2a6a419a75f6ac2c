using Npgsql;

namespace ControlPlane.Database;

/// <summary>Creates the control plane's tables once Postgres is available. The host does not wait for it; requests wait for a limited time.</summary>
internal sealed partial class SchemaService(NpgsqlDataSource source, TimeProvider time, ILogger<SchemaService> logger) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A task that completes when the tables exist.</summary>
    public Task Ready => _ready.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        bool isLogged = false;
        while (true)
        {
            try
            {
                await CreateAsync(stoppingToken);
                LogReady(logger);
                _ready.SetResult();
                return;
            }
            catch (NpgsqlException exception)
            {
                if (!isLogged)
                {
                    LogWaiting(logger, exception.Message);
                    isLogged = true;
                }

                await Task.Delay(RetryDelay, time, stoppingToken);
            }
        }
    }

    private async Task CreateAsync(CancellationToken cancellationToken)
    {
        await using Stream resource = typeof(SchemaService).Assembly.GetManifestResourceStream("schema.sql")
            ?? throw new InvalidOperationException("schema.sql is not embedded in this assembly.");
        using var reader = new StreamReader(resource);
        string script = await reader.ReadToEndAsync(cancellationToken);

        await using NpgsqlConnection connection = await source.OpenConnectionAsync(cancellationToken);
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken);

        // without the lock, two processes that start at the same time would fail on each other's partial schema
        await using (var acquireLock = new NpgsqlCommand("select pg_advisory_xact_lock(hashtext('control_plane schema'))", connection, transaction))
        {
            await acquireLock.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (var create = new NpgsqlCommand(script, connection, transaction))
        {
            await create.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "the control plane's tables are ready")]
    private static partial void LogReady(ILogger logger);

    [LoggerMessage(2, LogLevel.Warning, "cannot connect to Postgres yet, retrying until it succeeds: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string reason);
}
