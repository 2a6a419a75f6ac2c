using System.Globalization;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// The database tables of SagaRecovery: a script that creates or upgrades them, a check that reports differences, and their creation or upgrade.
/// </summary>
/// <remarks>
/// <para>
/// The tables state the range of packages that work on them. A package whose version of the tables is older than the tables works on them if
/// they are readable since its version. A package whose version is newer must upgrade them first.
/// </para>
/// <para>This type is thread-safe.</para>
/// </remarks>
public sealed class PostgresSchema
{
    /// <summary>The schema version that this package requires.</summary>
    public const int Version = 11;

    private readonly PostgresDatabase _database;
    private readonly SchemaUpgrade _upgrade;
    private readonly ILogger<PostgresSchema> _logger;
    private volatile bool _ready;
    private volatile bool _isReadable;

    internal PostgresSchema(PostgresDatabase database, TimeProvider time, ILogger<PostgresSchema> logger)
    {
        _database = database;
        _upgrade = new SchemaUpgrade(database, SchemaStep.All, time, logger);
        _logger = logger;
    }

    private string Name => _database.Options.Schema;

    /// <summary>Returns the script that creates the tables or upgrades them, as plain SQL for <c>psql</c>.</summary>
    /// <param name="schema">The name of the schema, as in <see cref="PostgresStoreOptions.Schema"/>.</param>
    /// <param name="from">The version of the present tables, from 1 to <see cref="Version"/>; 0 for a script that creates them.</param>
    /// <returns>
    /// One transaction that creates the tables, or a transaction for each step. A step waits 100 ms for its locks, as <see cref="CreateAsync"/>
    /// does in each attempt, and fails unless the tables are at the version before it.
    /// </returns>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="from"/> is not a version that this package knows.</exception>
    public static string Script(string schema = "saga_recovery", int from = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(from);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(from, Version);
        return SchemaScripts.Whole(schema, from, SchemaStep.All);
    }

    /// <summary>The largest number of partitions of <see cref="PartitionEventsScript"/>.</summary>
    public const int MaxEventPartitions = 256;

    /// <summary>Returns a script that divides the table of events into partitions by the id of the saga, as plain SQL for <c>psql</c>.</summary>
    /// <param name="partitions">The number of partitions, from 2 to <see cref="MaxEventPartitions"/>. A later change copies the table again.</param>
    /// <param name="schema">The name of the schema, as in <see cref="PostgresStoreOptions.Schema"/>.</param>
    /// <returns>One transaction. It copies all events while no process can write, so it belongs to empty tables or to a maintenance window.</returns>
    /// <remarks>
    /// Nothing needs partitions. They let a vacuum work on a part of a very large table, and keep its indexes small. A page of sagas is then
    /// loaded from all of them, which takes longer. <see cref="CheckAsync"/> accepts the table in both forms.
    /// </remarks>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="partitions"/> is out of range.</exception>
    public static string PartitionEventsScript(int partitions, string schema = "saga_recovery")
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(partitions, 2);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(partitions, MaxEventPartitions);
        string script = Statements.Named(schema, SchemaStep.Resource("partition-events.sql"));
        return script.Replace("{partitions}", partitions.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    /// <summary>Compares the tables with those that this package requires.</summary>
    /// <param name="cancellationToken">Cancels the check.</param>
    /// <returns>
    /// One line for each missing or different element, or an empty list. Additional elements are not reported. Newer tables that this package
    /// can use are compared in columns and keys only.
    /// </returns>
    /// <exception cref="NpgsqlException">The database could not be reached, or refused a statement.</exception>
    public async Task<IReadOnlyList<string>> CheckAsync(CancellationToken cancellationToken = default) =>
        (await InspectAsync(cancellationToken).ConfigureAwait(false)).Describe();

    /// <summary>Creates the tables or upgrades them to <see cref="Version"/>. Does nothing if they are up to date or newer.</summary>
    /// <remarks>
    /// Several processes may call this at once: a lock in the database makes them run one after the other. Processes that work on the tables
    /// continue: a step waits for its locks for 100 ms, and tries again after a pause. Each step is a transaction; a cancelled upgrade keeps
    /// the steps that it has finished.
    /// </remarks>
    /// <param name="cancellationToken">Cancels the creation or upgrade.</param>
    /// <exception cref="TimeoutException">
    /// The tables stayed locked for <see cref="PostgresStoreOptions.SchemaLockTimeout"/>. The message names the sessions that hold the locks.
    /// </exception>
    /// <exception cref="NpgsqlException">The database could not be reached, or refused a statement.</exception>
    public Task CreateAsync(CancellationToken cancellationToken = default) => _upgrade.RunAsync(cancellationToken);

    /// <summary>Creates the tables if the options ask for it, and checks them. Runs until it succeeds once in a process.</summary>
    /// <exception cref="SchemaMismatchException">This package does not work on the tables.</exception>
    internal async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (_ready)
        {
            return;
        }

        Exception? failedUpgrade = _database.Options.CreateSchema ? await TryCreateAsync(cancellationToken).ConfigureAwait(false) : null;
        SchemaState state = await InspectAsync(cancellationToken).ConfigureAwait(false);
        if (!state.IsUsable)
        {
            throw new SchemaMismatchException(Name, state, failedUpgrade);
        }

        Log.SchemaReady(_logger, Name, state.Version);
        _ready = true;
    }

    /// <summary>Throws if the versions alone rule this package out, for calls that may precede the first join. Asks until it is answered once.</summary>
    /// <exception cref="SchemaMismatchException">This package does not work on tables of this version.</exception>
    internal async ValueTask EnsureReadableOnceAsync(CancellationToken cancellationToken)
    {
        if (!_ready && !_isReadable)
        {
            await EnsureReadableAsync(cancellationToken).ConfigureAwait(false);
            _isReadable = true;
        }
    }

    /// <summary>Throws if the versions alone rule this package out. For a tool, which may find a missing element by a failing statement.</summary>
    /// <exception cref="SchemaMismatchException">This package does not work on tables of this version.</exception>
    internal async Task EnsureReadableAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await _database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            SchemaState state = await SchemaVersion.ReadAsync(connection, Name, cancellationToken).ConfigureAwait(false);
            if (!state.IsReadable)
            {
                throw new SchemaMismatchException(Name, state);
            }
        }
    }

    /// <summary>Creates or upgrades the tables.</summary>
    /// <returns>
    /// The exception of an attempt that was blocked or that the database refused. Whether this process can work then depends on the tables. A
    /// database that cannot be reached or is read-only, as during a fail-over, says nothing about them.
    /// </returns>
    private async Task<Exception?> TryCreateAsync(CancellationToken cancellationToken)
    {
        try
        {
            await _upgrade.RunAsync(cancellationToken).ConfigureAwait(false);
            return null;
        }
        catch (TimeoutException blocked)
        {
            return blocked;
        }
        catch (PostgresException refused) when (refused is { IsTransient: false, SqlState: not PostgresErrorCodes.ReadOnlySqlTransaction })
        {
            return refused;
        }
    }

    /// <summary>Reads the version of the tables, and compares them if this package can use them.</summary>
    internal async Task<SchemaState> InspectAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await _database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            SchemaState state = await SchemaVersion.ReadAsync(connection, Name, cancellationToken).ConfigureAwait(false);
            return state.IsReadable
                ? state with { Differences = await CompareAsync(connection, state, cancellationToken).ConfigureAwait(false) }
                : state;
        }
    }

    private async Task<List<string>> CompareAsync(NpgsqlConnection connection, SchemaState state, CancellationToken cancellationToken)
    {
        List<string> present = await PostgresDatabase.ReadAsync(
            connection,
            batch =>
            {
                batch.Add("select set_config('quote_all_identifiers', 'off', true)"); // if on, it would quote the identifiers in the description
                batch.Add(SchemaStep.Resource("describe.sql")).With(Name);
            },
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                return await rows.ListAsync(row => row.GetString(0)).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        var described = present.ToHashSet(StringComparer.Ordinal);
        return [.. SchemaStep.Resource("expected.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => (state.Version == Version || IsNeeded(line)) && !described.Contains(line))
            .Select(line => $"missing or different: {line}")];
    }

    /// <summary>
    /// Returns true for what statements depend on: columns and keys. A newer version may accept more values, and may have better indexes.
    /// </summary>
    private static bool IsNeeded(string line) =>
        line.StartsWith("column ", StringComparison.Ordinal) || line.Contains(": PRIMARY KEY ", StringComparison.Ordinal);
}
