using Npgsql;
using SagaRecovery.Postgres;

namespace SagaRecovery.Tests.Support;

/// <summary>
/// The rules for steps of the tables after version 7, found by applying a step to a real database: older packages work on the tables during and
/// after it, no statement of theirs waits for long, and it can be applied again after a roll back.
/// </summary>
internal sealed class StepRules(SagaDatabase database)
{
    /// <summary>Creates the tables before the step, applies it, and returns what it does that no step may do.</summary>
    public async Task<IReadOnlyList<string>> FindBrokenAsync(SchemaStep step)
    {
        await database.UpgradeAsync([.. SchemaStep.All.Take(step.Version - 1)]);
        HashSet<string> before = await DescribeAsync();
        string[] tables = await ListAsync("select relname from pg_class where relnamespace = 'saga_recovery'::regnamespace and relkind = 'r'");
        string[] files = await ListAsync(Files, tables);

        string[] locked = await ApplyAsync(step, tables);
        HashSet<string> after = await DescribeAsync();
        string[] broken =
        [
            .. before.Except(after).Where(line => !IsReplaced(line, after, step)).Select(line => $"drops or changes {line}"),
            .. (await ListAsync(Files, tables)).Except(files).Select(file => $"rewrites {file.Split(' ')[0]}"),
            .. (await ListAsync(RequiredColumns, tables)).Where(column => !before.Any(line => line.StartsWith($"column {column} ", StringComparison.Ordinal)))
                .Select(column => $"adds {column}, which older packages do not write"),
            .. (await ListAsync(Indexes, tables)).Where(index => !step.IsConcurrent && !before.Contains(index)).Select(index => $"creates an index on a present table: {index}"),
            .. (await ListAsync(Constraints, tables)).Where(constraint => !before.Any(line => line.StartsWith($"constraint {constraint}:", StringComparison.Ordinal)))
                .Select(constraint => $"validates {constraint} behind its lock"),
            .. locked.Except(step.Locks).Select(table => $"locks {table}, which its line 'Locks' does not name"),
        ];
        return broken.Length > 0 ? broken : await ApplyAgainAsync(step, after);
    }

    /// <summary>
    /// An older package needs no index, and no check, but works more slowly without the index. A check that the step replaces accepts more than
    /// before; that it is not validated is a rule of its own.
    /// </summary>
    private static bool IsReplaced(string line, HashSet<string> after, SchemaStep step) =>
        (step.IsConcurrent && line.StartsWith("CREATE ", StringComparison.Ordinal))
        || (line.Contains(": CHECK ", StringComparison.Ordinal) && after.Any(other => other.StartsWith(line[..(line.IndexOf(": CHECK ", StringComparison.Ordinal) + 1)], StringComparison.Ordinal)));

    private const string Files = "select relname || ' ' || relfilenode from pg_class where relname = any ($1) and relnamespace = 'saga_recovery'::regnamespace";

    private const string RequiredColumns = """
        select c.relname || '.' || a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relname = any ($1) and c.relnamespace = 'saga_recovery'::regnamespace and a.attnum > 0 and not a.attisdropped
            and a.attnotnull and not a.atthasdef and a.attidentity = '' and a.attgenerated = ''
        """;

    private const string Indexes = """
        select replace(pg_get_indexdef(i.indexrelid), 'saga_recovery.', '') from pg_index i join pg_class c on c.oid = i.indrelid
        where c.relname = any ($1) and c.relnamespace = 'saga_recovery'::regnamespace
        """;

    private const string Constraints = """
        select k.conname || ' on ' || c.relname from pg_constraint k join pg_class c on c.oid = k.conrelid
        where c.relname = any ($1) and c.relnamespace = 'saga_recovery'::regnamespace and k.contype in ('c', 'f') and k.convalidated
        """;

    private async Task<HashSet<string>> DescribeAsync() => [.. await ListAsync(SchemaStep.Resource("describe.sql"), "saga_recovery")];

    /// <summary>Applies the step as an upgrade does.</summary>
    /// <returns>The tables that it locked against writers or readers.</returns>
    private async Task<string[]> ApplyAsync(SchemaStep step, string[] tables)
    {
        await using NpgsqlConnection connection = await database.DataSource.OpenConnectionAsync();
        if (step.IsConcurrent)
        {
            foreach (SchemaStatement statement in step.Split("saga_recovery"))
            {
                await ExecuteAsync(statement.Sql); // the server refuses what is not concurrent only if it must; a statement that is not blocks writers
                statement.Sql.Should().Contain(" concurrently ");
            }

            await ExecuteAsync(step.Record("saga_recovery"));
            return [];
        }

        await ExecuteAsync(step.Begin("saga_recovery"));
        await ExecuteAsync(step.Apply("saga_recovery"));
        string[] locked = await ListAsync(
            connection,
            """
            select distinct c.relname::text from pg_locks l join pg_class c on c.oid = l.relation
            where l.pid = pg_backend_pid() and c.relname = any ($1) and c.relnamespace = 'saga_recovery'::regnamespace
                and l.mode not in ('AccessShareLock', 'RowShareLock', 'RowExclusiveLock')
            """,
            tables);
        await ExecuteAsync("commit");
        return locked;

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync();
        }
    }

    /// <summary>A roll back deletes the row of the version only. The step must then be possible once more.</summary>
    private async Task<IReadOnlyList<string>> ApplyAgainAsync(SchemaStep step, HashSet<string> after)
    {
        await database.ExecuteAsync("delete from saga_recovery.schema_version where version = @Version", new { step.Version });
        try
        {
            await ApplyAsync(step, []);
        }
        catch (PostgresException failed)
        {
            return [$"cannot be applied again: {failed.MessageText}"];
        }

        return (await DescribeAsync()).SetEquals(after) ? [] : ["has another result when it is applied again"];
    }

    private async Task<string[]> ListAsync(string sql, object? parameter = null)
    {
        await using NpgsqlConnection connection = await database.DataSource.OpenConnectionAsync();
        return await ListAsync(connection, sql, parameter);
    }

    private static async Task<string[]> ListAsync(NpgsqlConnection connection, string sql, object? parameter)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        if (parameter is not null)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        List<string> rows = [];
        await using NpgsqlDataReader reader = await command.ExecuteReaderAsync();
        while (await reader.ReadAsync())
        {
            rows.Add(reader.GetString(0));
        }

        return [.. rows];
    }
}
