using Npgsql;

namespace SagaRecovery.Postgres;

/// <summary>Reads the version of the tables, and the range of packages that work on them.</summary>
internal static class SchemaVersion
{
    /// <summary>
    /// Returns true if the table exists. <c>to_regclass</c> would answer from the cache of the session, which may not know yet what another
    /// session committed while this one waited for its lock (findings/to-regclass-behind-a-lock.sh).
    /// </summary>
    private const string TableExists = """
        select exists (
            select from pg_class c join pg_namespace n on n.oid = c.relnamespace
            where n.nspname = $1 and c.relname = 'schema_version' and c.relkind in ('r', 'p'))
        """;

    /// <summary>Reads the newest row. Rows of versions before 8 lack the column of the range.</summary>
    /// <returns>The state without differences.</returns>
    public static async Task<SchemaState> ReadAsync(NpgsqlConnection connection, string schema, CancellationToken cancellationToken)
    {
        List<bool> exists = await ListAsync(batch => batch.Add(TableExists).With(schema), row => row.GetBoolean(0)).ConfigureAwait(false);
        List<SchemaState> newest = exists[0]
            ? await ListAsync(
                batch => batch.Add(
                    $"select v.version, (to_json(v) ->> 'readable_since')::int from {schema}.schema_version v order by v.version desc limit 1"),
                row => new SchemaState(row.GetInt32(0), row.IsDBNull(1) ? null : row.GetInt32(1), [])).ConfigureAwait(false)
            : [];
        return newest.SingleOrDefault() ?? new SchemaState(Version: 0, ReadableSince: null, []);

        // Without Dapper, whose code generation would delay the start of every process.
        Task<List<T>> ListAsync<T>(Action<NpgsqlBatch> build, Func<NpgsqlDataReader, T> read) =>
            PostgresDatabase.ReadAsync(connection, build, rows => rows.ListAsync(read), cancellationToken);
    }
}
