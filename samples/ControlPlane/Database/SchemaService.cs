using Npgsql;

namespace ControlPlane.Database;

/// <summary>Creates the control plane's tables once Postgres is there. The host does not wait for it; requests do, for a while.</summary>
internal sealed partial class SchemaService(NpgsqlDataSource source, TimeProvider time, ILogger<SchemaService> logger) : BackgroundService
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(500);

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when the tables are there.</summary>
    public Task Ready => _ready.Task;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        bool said = false;
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
                if (!said)
                {
                    LogWaiting(logger, exception.Message);
                    said = true;
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

        // two processes that start at once would otherwise trip over each other's half-made schema
        await using (var onlyOne = new NpgsqlCommand("select pg_advisory_xact_lock(hashtext('control_plane schema'))", connection, transaction))
        {
            await onlyOne.ExecuteNonQueryAsync(cancellationToken);
        }

        await using (var create = new NpgsqlCommand(script, connection, transaction))
        {
            await create.ExecuteNonQueryAsync(cancellationToken);
        }

        await transaction.CommitAsync(cancellationToken);
    }

    [LoggerMessage(1, LogLevel.Information, "the control plane's tables are there")]
    private static partial void LogReady(ILogger logger);

    [LoggerMessage(2, LogLevel.Warning, "Postgres does not let us in yet, and is tried again until it does: {Reason}")]
    private static partial void LogWaiting(ILogger logger, string reason);
}
