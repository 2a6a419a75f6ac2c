using System.Text.RegularExpressions;
using Microsoft.Extensions.Options;

namespace SagaRecovery.Postgres;

/// <summary>Where in Postgres the sagas are; bound from the configuration section <see cref="SectionName"/>.</summary>
public sealed class PostgresStoreOptions
{
    /// <summary><c>SagaRecovery:Postgres</c>.</summary>
    public const string SectionName = SagaRecoveryOptions.SectionName + ":Postgres";

    /// <summary>
    /// The key under which a second <c>NpgsqlDataSource</c> may be registered for the one connection that lasts, on which signs of life
    /// are given and hints heard. Needed where the data source leads through a pooler that gives connections out by transaction.
    /// </summary>
    public const string DirectDataSource = "SagaRecovery.Direct";

    /// <summary>The database schema that holds the tables. Lower-case letters, digits and underscores. Default <c>saga_recovery</c>.</summary>
    public string Schema { get; set; } = "saga_recovery";

    /// <summary>
    /// Whether the tables are created, or brought up to date, when the process first reaches the database. If not, they are only
    /// checked, and recovery says what differs. Default false.
    /// </summary>
    public bool CreateSchema { get; set; }

    /// <summary>
    /// Whether writes are prepared on the server, which spares it planning them anew. Off behind a pooler that gives each transaction
    /// another connection and does not carry prepared statements along, as pgbouncer before 1.21. Default true.
    /// </summary>
    public bool PreparedStatements { get; set; } = true;
}

internal sealed partial class PostgresStoreOptionsValidator : IValidateOptions<PostgresStoreOptions>
{
    public ValidateOptionsResult Validate(string? name, PostgresStoreOptions options) => SchemaName().IsMatch(options.Schema)
        ? ValidateOptionsResult.Success
        : ValidateOptionsResult.Fail(
            $"{PostgresStoreOptions.SectionName}:{nameof(options.Schema)} must be 1 to 63 lower-case letters, digits and underscores, and not begin with a digit (was '{options.Schema}')");

    [GeneratedRegex("^[a-z_][a-z0-9_]{0,62}$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 1000)]
    private static partial Regex SchemaName();
}
