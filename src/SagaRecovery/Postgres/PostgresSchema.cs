using System.Globalization;
using System.Reflection;
using Dapper;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Diagnostics;

namespace SagaRecovery.Postgres;

/// <summary>
/// The database tables of SagaRecovery: a script that creates them, a check that reports differences, and their creation or upgrade.
/// </summary>
/// <remarks>This type is thread-safe.</remarks>
public sealed class PostgresSchema
{
    /// <summary>The schema version that this package requires.</summary>
    public const int Version = 7;

    private const string ScriptPrefix = "SagaRecovery.Postgres.Schema.";

    private readonly PostgresDatabase _database;
    private readonly ILogger<PostgresSchema> _logger;
    private volatile bool _ready;

    internal PostgresSchema(PostgresDatabase database, ILogger<PostgresSchema> logger)
    {
        _database = database;
        _logger = logger;
    }

    private string Name => _database.Options.Schema;

    /// <summary>Returns the script that creates the tables in an empty schema, as plain SQL for <c>psql</c>.</summary>
    /// <param name="schema">The name of the schema, as in <see cref="PostgresStoreOptions.Schema"/>.</param>
    public static string Script(string schema = "saga_recovery")
    {
        IEnumerable<string> steps = Enumerable.Range(1, Version).Select(version => Step(schema, version));
        return $"create schema if not exists {schema};\n\n" + string.Join('\n', steps);
    }

    /// <summary>Compares the tables with those that this package requires.</summary>
    /// <param name="cancellationToken">Cancels the check.</param>
    /// <returns>One line for each missing or different element, or an empty list. Additional elements are not reported.</returns>
    /// <exception cref="NpgsqlException">The database could not be reached, or refused a statement.</exception>
    public async Task<IReadOnlyList<string>> CheckAsync(CancellationToken cancellationToken = default) =>
        (await InspectAsync(cancellationToken).ConfigureAwait(false)).Differences;

    /// <summary>Creates the tables or upgrades them to <see cref="Version"/>. Does nothing if they are up to date.</summary>
    /// <remarks>Several processes may call this at once: a lock in the database makes them run one after the other.</remarks>
    /// <param name="cancellationToken">Cancels the creation, which then has no effect.</param>
    /// <exception cref="NpgsqlException">The database could not be reached, or refused a statement.</exception>
    public async Task CreateAsync(CancellationToken cancellationToken = default)
    {
        NpgsqlConnection connection = await _database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            NpgsqlTransaction transaction = await connection.BeginTransactionAsync(cancellationToken).ConfigureAwait(false);
            await using (transaction.ConfigureAwait(false))
            {
                await ExecuteAsync("select pg_advisory_xact_lock(hashtext(@Name))", new { Name = ScriptPrefix + Name }).ConfigureAwait(false);
                int present = await VersionAsync(connection, cancellationToken).ConfigureAwait(false);
                if (present == 0)
                {
                    await ExecuteAsync($"create schema if not exists {Name}").ConfigureAwait(false);
                }

                for (int version = present + 1; version <= Version; version++)
                {
                    await ExecuteAsync(Step(Name, version)).ConfigureAwait(false);
                }

                await transaction.CommitAsync(cancellationToken).ConfigureAwait(false);
            }

            Task<int> ExecuteAsync(string sql, object? parameters = null) =>
                connection.ExecuteAsync(new CommandDefinition(sql, parameters, cancellationToken: cancellationToken));
        }
    }

    /// <summary>Creates the tables if the options ask for it, and checks them. Runs until it succeeds once in a process.</summary>
    /// <exception cref="InvalidOperationException">The tables differ; the message states the differences and the remedy.</exception>
    internal async Task EnsureAsync(CancellationToken cancellationToken)
    {
        if (_ready)
        {
            return;
        }

        if (_database.Options.CreateSchema)
        {
            await CreateAsync(cancellationToken).ConfigureAwait(false);
        }

        (int version, List<string> differences) = await InspectAsync(cancellationToken).ConfigureAwait(false);
        if (differences.Count > 0)
        {
            string advice = version > Version
                ? "A newer version of the package created them: deploy this process with that version."
                : $"Run the script (PostgresSchema.Script) or set {PostgresStoreOptions.SectionName}:{nameof(PostgresStoreOptions.CreateSchema)} to true.";
            throw new InvalidOperationException(
                $"The tables in schema '{Name}' are not those that SagaRecovery requires: {string.Join("; ", differences)}. {advice}");
        }

        Log.SchemaReady(_logger, Name, Version);
        _ready = true;
    }

    private async Task<(int Version, List<string> Differences)> InspectAsync(CancellationToken cancellationToken)
    {
        NpgsqlConnection connection = await _database.OpenAsync(cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            int version = await VersionAsync(connection, cancellationToken).ConfigureAwait(false);
            List<string> differences = version switch
            {
                Version => await CompareAsync(connection, cancellationToken).ConfigureAwait(false),
                0 => ["there are none"],
                _ => [$"they are at version {version}, and this package requires {Version}"],
            };
            return (version, differences);
        }
    }

    private async Task<List<string>> CompareAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        List<string> present = await PostgresDatabase.ReadAsync(
            connection,
            batch =>
            {
                batch.Add("select set_config('quote_all_identifiers', 'off', true)"); // if on, it would quote the identifiers in the description
                batch.Add(Resource("describe.sql")).With(Name);
            },
            async rows =>
            {
                await rows.SkipAsync(1).ConfigureAwait(false);
                return await rows.ListAsync(row => row.GetString(0)).ConfigureAwait(false);
            },
            cancellationToken).ConfigureAwait(false);
        var described = present.ToHashSet(StringComparer.Ordinal);
        return [.. Resource("expected.txt").Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Where(line => !described.Contains(line))
            .Select(line => $"missing or different: {line}")];
    }

    private async Task<int> VersionAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        List<bool> exists = await ListAsync(
            connection, batch => batch.Add("select to_regclass($1) is not null").With($"{Name}.schema_version"), row => row.GetBoolean(0), cancellationToken)
            .ConfigureAwait(false);
        if (!exists[0])
        {
            return 0;
        }

        List<int> version = await ListAsync(
            connection, batch => batch.Add($"select coalesce(max(version), 0) from {Name}.schema_version"), row => row.GetInt32(0), cancellationToken)
            .ConfigureAwait(false);
        return version[0];
    }

    /// <summary>Runs a query without Dapper, whose code generation would delay the start of every process.</summary>
    private static Task<List<T>> ListAsync<T>(
        NpgsqlConnection connection, Action<NpgsqlBatch> build, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) =>
        PostgresDatabase.ReadAsync(connection, build, rows => rows.ListAsync(read), cancellationToken);

    private static string Step(string schema, int version)
    {
        string number = version.ToString("D4", CultureInfo.InvariantCulture);
        string[] resources = Assembly.GetExecutingAssembly().GetManifestResourceNames();
        string script = Array.Find(resources, name => name.StartsWith(ScriptPrefix + number, StringComparison.Ordinal))
            ?? throw new InvalidOperationException($"The package contains no script for schema version {version}.");
        string applied = string.Create(CultureInfo.InvariantCulture, $"\ninsert into {schema}.schema_version (version) values ({version});\n");
        return Statements.Named(schema, Read(script)) + applied;
    }

    private static string Resource(string name) => Read(ScriptPrefix + name);

    private static string Read(string resource)
    {
        using Stream stream = Assembly.GetExecutingAssembly().GetManifestResourceStream(resource)!;
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    }
}
