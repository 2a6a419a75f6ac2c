using Microsoft.Extensions.Options;
using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>The host's data source, which is not ours to dispose, and the statements with the configured schema in them.</summary>
internal sealed class PostgresDatabase(NpgsqlDataSource dataSource, IOptions<PostgresStoreOptions> options)
{
    public PostgresStoreOptions Options { get; } = options.Value;

    public Statements Statements { get; } = new(options.Value.Schema);

    public ControlStatements Controls { get; } = new(options.Value.Schema);

    public OperatorStatements Operators { get; } = new(options.Value.Schema);

    public ValueTask<NpgsqlConnection> OpenAsync(CancellationToken cancellationToken) => dataSource.OpenConnectionAsync(cancellationToken);
}
