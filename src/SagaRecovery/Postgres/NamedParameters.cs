using Npgsql;
using SagaRecovery.Status;

namespace SagaRecovery.Postgres;

/// <summary>The parameters of statements for operators, by name: <c>@Name</c> in a statement. A statement need not use all of them. Not thread-safe.</summary>
internal sealed class NamedParameters
{
    private readonly List<NpgsqlParameter> _all = [];

    /// <summary>Adds a value. A null has the type of <typeparamref name="T"/>, which need not follow from its place in the statement.</summary>
    /// <returns>These parameters.</returns>
    public NamedParameters With<T>(string name, T value)
    {
        _all.Add(new NpgsqlParameter<T>(name, value));
        return this;
    }

    /// <summary>Runs statements, separated by semicolons, as one transaction unless one is open, and reads their results.</summary>
    public async Task<T> ReadAsync<T>(
        NpgsqlConnection connection, string statements, Func<PostgresRows, Task<T>> read, CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(statements, connection);
        await using (command.ConfigureAwait(false))
        {
            _all.ForEach(parameter => command.Parameters.Add(parameter.Clone())); // a parameter belongs to one command
            NpgsqlDataReader reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
            {
                return await read(new PostgresRows(reader, cancellationToken)).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Runs one statement and reads its rows.</summary>
    public Task<List<T>> ListAsync<T>(NpgsqlConnection connection, string statement, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) =>
        ReadAsync(connection, statement, rows => rows.ListAsync(read), cancellationToken);
}

/// <summary>Reads columns by name, for statements of operators: they have many columns, and run seldom.</summary>
internal static class NamedColumns
{
    /// <summary>Reads a column that is never null.</summary>
    public static T Get<T>(this NpgsqlDataReader row, string column) => row.GetFieldValue<T>(row.GetOrdinal(column));

    /// <summary>Reads a text or an array; null for a null.</summary>
    public static T? Find<T>(this NpgsqlDataReader row, string column)
        where T : class => row.IsDBNull(row.GetOrdinal(column)) ? null : row.Get<T>(column);

    /// <summary>Reads a value; null for a null.</summary>
    public static T? FindValue<T>(this NpgsqlDataReader row, string column)
        where T : struct => row.IsDBNull(row.GetOrdinal(column)) ? null : row.Get<T>(column);

    /// <summary>Reads a time that is never null, from a column of <see cref="StoredTimes.Nearest"/>.</summary>
    public static DateTimeOffset Time(this NpgsqlDataReader row, string column) => new(row.Get<DateTime>(column));

    /// <inheritdoc cref="Time"/>
    public static DateTimeOffset? FindTime(this NpgsqlDataReader row, string column) =>
        row.FindValue<DateTime>(column) is { } time ? new DateTimeOffset(time) : null;

    /// <summary>Reads who did something and why.</summary>
    public static OperatorNote Note(this NpgsqlDataReader row, string actor, string reason) => new(row.Find<string>(actor) ?? "", row.Find<string>(reason) ?? "");
}
