using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace SagaRecovery.Postgres;

/// <summary>The options of the Postgres store, bound from the configuration section <see cref="SectionName"/>.</summary>
public sealed class PostgresStoreOptions
{
    /// <summary>The name of the configuration section, <c>SagaRecovery:Postgres</c>.</summary>
    public const string SectionName = SagaRecoveryOptions.SectionName + ":Postgres";

    /// <summary>The settings that are durations; see <see cref="DurationFormatValidator{TOptions}"/>.</summary>
    internal static IReadOnlyList<string> Durations { get; } =
    [
        nameof(SchemaLockTimeout), nameof(QueryTimeout),
    ];

    /// <summary>The key of an optional second <c>NpgsqlDataSource</c> for the long-lived connection that sends heartbeats and receives hints.</summary>
    /// <remarks>Register one if the main data source leads through a pooler in transaction mode.</remarks>
    public const string DirectDataSource = "SagaRecovery.Direct";

    /// <summary>The key of an optional <c>NpgsqlDataSource</c> for recovery and the saga log, in place of a pool that they make themselves.</summary>
    /// <remarks>
    /// Register one if the main data source has settings in code that its connection string lacks, such as root certificates or an
    /// initializer of physical connections. Searches and counts of operators then use up to three connections of the main data source, or of
    /// this one if there is no other: no pool of their own can be derived from either.
    /// </remarks>
    public const string RecoveryDataSource = "SagaRecovery.Recovery";

    /// <summary>
    /// The number of queries of operators that run at once, and the size of their pool, in addition to <see cref="MaxPoolSize"/>. With a data source
    /// under <see cref="RecoveryDataSource"/> they have no pool of their own.
    /// </summary>
    internal const int MaxQueryConnections = 3;

    /// <summary>The name of the database schema that holds the tables.</summary>
    /// <value>1 to 63 lower-case letters, digits and underscores, not beginning with a digit. The default is <c>saga_recovery</c>.</value>
    public string Schema { get; set; } = "saga_recovery";

    /// <summary>A value that indicates if the process creates or upgrades the tables when it first connects to the database.</summary>
    /// <value>
    /// <see langword="true"/> to create or upgrade the tables; <see langword="false"/> to check them only, and report differences. The default
    /// is <see langword="false"/>.
    /// </value>
    public bool CreateSchema { get; set; }

    /// <summary>The time for which the creation or upgrade of the tables tries to lock them while other transactions use them.</summary>
    /// <value>More than 0, at most 1 day. The default is 30 seconds.</value>
    /// <remarks>
    /// Each attempt waits 100 ms for each lock, so that writers never queue behind a long reader for longer, and a pause follows. When the time
    /// is over, nothing was changed by the step, and the error names the sessions that hold the locks.
    /// </remarks>
    public TimeSpan SchemaLockTimeout { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>A value that indicates if frequent statements are prepared on the server, which saves planning them each time.</summary>
    /// <value><see langword="true"/> or <see langword="false"/>. The default is <see langword="true"/>.</value>
    /// <remarks>Turn this off behind a pooler in transaction mode that does not support prepared statements, such as pgbouncer before 1.21.</remarks>
    public bool PreparedStatements { get; set; } = true;

    /// <summary>The maximum number of connections in the pool of recovery and the saga log.</summary>
    /// <value>0, or at least 5. The default is 20. With 0, recovery and the saga log share the pool of the host.</value>
    /// <remarks>
    /// The pool has the settings of the main data source, and is separate from it: sagas that hold all connections of the host stop neither
    /// heartbeats nor the log. Ignored if a data source is registered under <see cref="RecoveryDataSource"/>.
    /// </remarks>
    public int MaxPoolSize { get; set; } = 20;

    /// <summary>The time after which the database stops a search or a count of operators.</summary>
    /// <value>More than 0, at most 1 hour. The default is 5 seconds.</value>
    /// <remarks>
    /// A search by conditions that few sagas fulfil together may have to read a large part of the history. The limit includes the wait for a
    /// connection: three such queries run at once in a process, on connections of their own (but see <see cref="RecoveryDataSource"/>).
    /// A request over HTTP that reads ends two seconds after this time at the latest, even if the server is frozen.
    /// </remarks>
    public TimeSpan QueryTimeout { get; set; } = TimeSpan.FromSeconds(5);
}

/// <summary>The validator of <see cref="PostgresStoreOptions"/>.</summary>
internal sealed partial class PostgresStoreOptionsValidator : IValidateOptions<PostgresStoreOptions>
{
    /// <summary>One connection for heartbeats, one for a pass, and two for writes of the log at once, with one to spare.</summary>
    private const int LeastPoolSize = 5;

    public ValidateOptionsResult Validate(string? name, PostgresStoreOptions options)
    {
        var problems = new ValidateOptionsResultBuilder();
        if (!SchemaName().IsMatch(options.Schema))
        {
            problems.AddError(
                $"{PostgresStoreOptions.SectionName}:{nameof(options.Schema)} must be 1 to 63 lower-case letters, digits and underscores, "
                + $"and must not begin with a digit (was '{options.Schema}')");
        }

        if (options.MaxPoolSize is not (0 or >= LeastPoolSize))
        {
            problems.AddError(
                $"{PostgresStoreOptions.SectionName}:{nameof(options.MaxPoolSize)} must be 0 or at least {LeastPoolSize} (was {options.MaxPoolSize})");
        }

        if (options.SchemaLockTimeout <= TimeSpan.Zero || options.SchemaLockTimeout > TimeSpan.FromDays(1))
        {
            problems.AddError(
                $"{PostgresStoreOptions.SectionName}:{nameof(options.SchemaLockTimeout)} must be more than 0 and at most 1 day (was {options.SchemaLockTimeout})");
        }

        if (options.QueryTimeout <= TimeSpan.Zero || options.QueryTimeout > TimeSpan.FromHours(1))
        {
            problems.AddError(
                $"{PostgresStoreOptions.SectionName}:{nameof(options.QueryTimeout)} must be more than 0 and at most 1 hour (was {options.QueryTimeout})");
        }

        return problems.Build();
    }

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,62}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SchemaName();
}
