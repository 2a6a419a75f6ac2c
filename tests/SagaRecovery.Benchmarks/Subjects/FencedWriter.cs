using Npgsql;
using NpgsqlTypes;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// Writes behind the fence of the library, with Npgsql alone: lock and write in one prepared batch, which the server runs to its
/// commit. On a connection of its own; not thread-safe.
/// </summary>
internal sealed class FencedWriter : IAsyncDisposable
{
    private const string Join =
        """
        insert into saga_recovery.saga_coordinator as c (id, incarnation, host, process_id, token, server_start, table_id)
        values ($1, 1, '', 0, $2, pg_postmaster_start_time(), 'saga_recovery.saga_coordinator'::regclass)
        on conflict (id) do update set token = c.token
        returning token
        """;

    private const string BeginTransaction = "begin isolation level read committed";

    private const string Lock =
        "select pg_advisory_xact_lock_shared(hashtextextended($1::uuid::text, hashtextextended('saga_recovery', 0))), set_config('synchronous_commit', 'on', true)";

    private const string IsMember =
        "exists (select from saga_recovery.saga_coordinator c where c.id = $1 and c.token = $2 and c.server_start = pg_postmaster_start_time() and c.table_id = c.tableoid)";

    private const string InsertSaga =
        $"""
        with inserted as (
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, current_coordinator)
            select $3, name, $1, hash, $4, $1 from saga_recovery.saga_definition
            where {IsMember}
            limit 1
            returning id
        )
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, creator) select id, 0, 'started', $1 from inserted
        """;

    private const string InsertEvents =
        $"""
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
        select e.saga_id, e.node_id, e.event_type, e.data, $1
        from unnest($3, $4, $5, $6) as e (saga_id, node_id, event_type, data)
        join saga_recovery.saga s on s.id = e.saga_id
        where s.current_coordinator = $1 and s.adopt_generation = 1 and s.state in ('running', 'unwinding')
            and {IsMember}
        """;

    private const string UpdateStates =
        $"""
        update saga_recovery.saga s set state = 'succeeded'
        from unnest($3) as e (saga_id)
        where s.id = e.saga_id and s.current_coordinator = $1 and s.adopt_generation = 1 and s.state in ('running', 'unwinding')
            and {IsMember}
        """;

    private readonly NpgsqlConnection _connection;
    private readonly Guid _owner;
    private Guid _token = Guid.NewGuid();

    private FencedWriter(NpgsqlConnection connection, Guid owner)
    {
        _connection = connection;
        _owner = owner;
    }

    public static async Task<FencedWriter> OpenAsync(NpgsqlDataSource source, Guid owner)
    {
        var writer = new FencedWriter(await source.OpenConnectionAsync(), owner);
        await using var join = new NpgsqlCommand(Join, writer._connection)
        {
            Parameters = { new() { Value = owner }, new() { Value = writer._token } },
        };
        writer._token = (Guid)(await join.ExecuteScalarAsync())!; // of the writer that joined first
        return writer;
    }

    /// <summary>Inserts a saga and the start of its first node, and commits.</summary>
    public async Task InsertSagaAsync(Guid sagaId)
    {
        await using NpgsqlBatch batch = Begin();
        NpgsqlParameterCollection parameters = Add(batch, InsertSaga);
        parameters.Add(new NpgsqlParameter<Guid> { TypedValue = sagaId });
        parameters.Add(new NpgsqlParameter { Value = """{"text":""}""", NpgsqlDbType = NpgsqlDbType.Json });
        await WriteAsync(batch);
    }

    /// <summary>Writes the end of the previous step and the start of this one, for many sagas, and commits.</summary>
    /// <param name="sagas">The sagas.</param>
    /// <param name="step">From 0; after the last node, the step that ends the saga.</param>
    public async Task WriteStepAsync(IReadOnlyList<Guid> sagas, int step)
    {
        List<(Guid SagaId, int Node, string Type, string? Data)> events = [];
        foreach (Guid saga in sagas)
        {
            if (step > 0)
            {
                events.Add((saga, step - 1, "succeeded", $"\"{ChainSaga.Output}\""));
            }

            if (step < ChainSaga.Nodes)
            {
                events.Add((saga, step, "started", null));
            }
        }

        await using NpgsqlBatch batch = Begin();
        NpgsqlParameterCollection parameters = Add(batch, InsertEvents);
        parameters.Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. events.Select(one => one.SagaId)] });
        parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. events.Select(one => one.Node)] });
        parameters.Add(new NpgsqlParameter<string[]> { TypedValue = [.. events.Select(one => one.Type)] });
        parameters.Add(new NpgsqlParameter { Value = events.Select(one => one.Data).ToArray(), NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Json });
        if (step == ChainSaga.Nodes)
        {
            Add(batch, UpdateStates).Add(new NpgsqlParameter<Guid[]> { TypedValue = [.. sagas] });
        }

        await WriteAsync(batch);
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private NpgsqlBatch Begin()
    {
        var batch = new NpgsqlBatch(_connection);
        batch.BatchCommands.Add(new NpgsqlBatchCommand(BeginTransaction));
        batch.BatchCommands.Add(new NpgsqlBatchCommand(Lock) { Parameters = { new NpgsqlParameter<Guid> { TypedValue = _owner } } });
        return batch;
    }

    private NpgsqlParameterCollection Add(NpgsqlBatch batch, string statement)
    {
        var command = new NpgsqlBatchCommand(statement);
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = _owner });
        command.Parameters.Add(new NpgsqlParameter<Guid> { TypedValue = _token });
        batch.BatchCommands.Add(command);
        return command.Parameters;
    }

    private static async Task WriteAsync(NpgsqlBatch batch)
    {
        batch.BatchCommands.Add(new NpgsqlBatchCommand("commit"));
        await batch.PrepareAsync();
        await batch.ExecuteNonQueryAsync();
    }
}
