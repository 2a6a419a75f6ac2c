using System.Text;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>One database with the library's own tables, and sagas in them.</summary>
internal sealed class Dataset(string connectionString, int warmUpSagas)
{
    private const int EventDataBytes = 200;

    /// <summary>Definition and parameters are 2 KB each, less what would move the parameters out of their row.</summary>
    private const int ParametersBytes = 1_800;

    /// <summary>Millions of sagas with 1.8 KB each would measure the disk.</summary>
    private const int SmallParametersBytes = 200;

    private const string InsertDefinition =
        "insert into saga_recovery.saga_definition (hash, name, version, dag) values ($1, $2, 1, $3::json) on conflict do nothing";

    /// <summary>Ids rise as UUIDv7 do, so that the tables are laid out as after a day of operation.</summary>
    private const string InsertSagas =
        """
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
        select (lpad(to_hex(number), 12, '0') || '70008' || left(md5(number::text), 15))::uuid, $1, $2, $3, $4::json, $5, $2
        from generate_series($6 + 1, $6 + $7) as number
        """;

    private const string EndSagas =
        """
        update saga_recovery.saga set state = 'succeeded'
        where id >= (lpad(to_hex($1 + 1), 12, '0') || '70008000000000000000')::uuid and id < (lpad(to_hex($1 + $2 + 1), 12, '0') || '70008000000000000000')::uuid
        """;

    private const string InsertEvents =
        $"""
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
        select saga.id, event.node_id, event.event_type, $1::json, saga.creator
        from (select id, creator from saga_recovery.saga order by id) as saga
        cross join (values {InFlightSaga.Events}) as event (node_id, event_type)
        """;

    /// <summary>Those of a saga of three nodes that succeeded.</summary>
    private const string InsertHistoryEvents =
        """
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
        select saga.id, node.id, event.type, case event.type when 'succeeded' then '"the output of a node"'::json end, saga.creator
        from (select id, creator from saga_recovery.saga
            where id >= (lpad(to_hex($1 + 1), 12, '0') || '70008000000000000000')::uuid and id < (lpad(to_hex($1 + $2 + 1), 12, '0') || '70008000000000000000')::uuid
            order by id) as saga
        cross join generate_series(0, 2) as node (id)
        cross join (values ('started'), ('succeeded')) as event (type)
        """;

    /// <summary>Resets the coordinators as if no process had ever joined: none has crashed, nothing is suspected.</summary>
    private const string ForgetProcesses =
        """
        truncate saga_recovery.saga_in_flight, saga_recovery.saga_suspect, saga_recovery.saga_assignment;
        delete from saga_recovery.saga_coordinator
        """;

    /// <summary>A number after those of all sagas that are inserted as history.</summary>
    private const int HistoryEnd = 100_000_000;

    private int _ended;

    public string ConnectionString => connectionString;

    /// <summary>The coordinator that owns the sagas that are measured.</summary>
    public Guid Owner { get; } = Guid.NewGuid();

    /// <summary>The coordinator that owns those of the warm-up.</summary>
    public Guid WarmUpOwner { get; } = Guid.NewGuid();

    /// <summary>The number of those sagas.</summary>
    public int WarmUpSagas => warmUpSagas;

    public Task CreateTablesAsync() => ExecuteAsync(PostgresSchema.Script());

    public async Task FillInFlightAsync(int sagas)
    {
        await InsertSagasAsync(Owner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "running", after: 0, sagas);
        await InsertSagasAsync(WarmUpOwner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "running", after: sagas, WarmUpSagas);
        await ExecuteAsync(InsertEvents, Json(EventDataBytes, text => $"\"{text}\""));
        await SettleAsync();
    }

    public async Task FillFinishedAsync(int sagas)
    {
        await InsertSagasAsync(Owner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "succeeded", after: 0, sagas);
        await SettleAsync();
    }

    /// <summary>Adds succeeded sagas with six events each.</summary>
    /// <param name="from">The number of those that were added before.</param>
    /// <param name="to">The number after it.</param>
    public async Task AddHistoryAsync(int from, int to)
    {
        const int Each = 100_000;
        for (int added = from; added < to; added += Each)
        {
            int count = Math.Min(Each, to - added);
            await InsertSagasAsync(Owner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "succeeded", after: added, count, SmallParametersBytes);
            await ExecuteAsync(InsertHistoryEvents, added, count);
        }

        await SettleAsync();
    }

    /// <summary>Adds sagas in progress.</summary>
    public async Task AddRunningAsync(int sagas)
    {
        await InsertSagasAsync(Owner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "running", after: HistoryEnd, sagas);
        await SettleAsync();
    }

    /// <summary>Starts and ends sagas, in transactions of a few hundred, as grouped writes are, and without a vacuum.</summary>
    public async Task RunAndEndAsync(int sagas)
    {
        const int Each = 200;
        _ended = Math.Max(_ended, HistoryEnd + Each);
        for (int done = 0; done < sagas; done += Each, _ended += Each)
        {
            await InsertSagasAsync(Owner, InFlightSaga.DefinitionName, InFlightSaga.Dag, "running", after: _ended, Math.Min(Each, sagas - done));
            await ExecuteAsync(EndSagas, _ended, Each);
        }
    }

    /// <summary>Replaces all sagas by new chains that have not run.</summary>
    public async Task RefillWithChainsAsync(int sagas, int warmUps)
    {
        await ExecuteAsync("truncate saga_recovery.saga, saga_recovery.saga_node_event");
        await InsertSagasAsync(WarmUpOwner, ChainSaga.DefinitionName, ChainSaga.Dag, "running", after: 0, warmUps);
        await InsertSagasAsync(Owner, ChainSaga.DefinitionName, ChainSaga.Dag, "running", after: warmUps, sagas);
        await ForgetProcessesAsync();
        await SettleAsync();
    }

    /// <summary>Replaces all sagas by those of an outage: unfinished, and with nothing in their logs.</summary>
    public async Task RefillWithBacklogAsync(int sagas)
    {
        await ExecuteAsync("truncate saga_recovery.saga, saga_recovery.saga_node_event");
        await InsertSagasAsync(WarmUpOwner, BacklogSaga.DefinitionName, BacklogSaga.Dag, "running", after: 0, WarmUpSagas, SmallParametersBytes);
        await InsertSagasAsync(Owner, BacklogSaga.DefinitionName, BacklogSaga.Dag, "running", after: WarmUpSagas, sagas, SmallParametersBytes);
        await ForgetProcessesAsync();
        await SettleAsync();
    }

    public Task AddForeignKeyAsync() => ExecuteAsync(
        "alter table saga_recovery.saga add constraint saga_definition_hash_fkey foreign key (definition_hash) references saga_recovery.saga_definition (hash)");

    /// <summary>Removes all sagas, and inserts a definition if it is missing.</summary>
    public async Task ClearAsync(SavedDefinition definition)
    {
        await ExecuteAsync("truncate saga_recovery.saga, saga_recovery.saga_node_event");
        await ExecuteAsync(InsertDefinition, definition.Hash.ToBytes(), definition.Name, Encoding.UTF8.GetString(definition.Dag.Span));
        await ForgetProcessesAsync();
        await SettleAsync();
    }

    /// <summary>Has the server count the statements of later connections.</summary>
    public Task CountStatementsAsync() => ExecuteAsync(
        """
        create extension if not exists pg_stat_statements;
        do $$ begin execute format('alter database %I set pg_stat_statements.track = top', current_database()); end $$
        """);

    public Task ForgetProcessesAsync() => ExecuteAsync(ForgetProcesses);

    private async Task InsertSagasAsync(Guid owner, string definition, string dag, string state, int after, int count, int parametersBytes = ParametersBytes)
    {
        byte[] hash = DefinitionHash.Of(Encoding.UTF8.GetBytes(dag)).ToBytes();
        await ExecuteAsync(InsertDefinition, hash, definition, dag);
        string parameters = Json(parametersBytes, text => $$"""{"text":"{{text}}"}""");
        await ExecuteAsync(InsertSagas, definition, owner, hash, parameters, state, after, count);
    }

    public async Task SettleAsync()
    {
        await ExecuteAsync("vacuum analyze");
        await ExecuteAsync("checkpoint");
    }

    /// <summary>JSON of the given number of bytes.</summary>
    private static string Json(int bytes, Func<string, string> around) => around(new string('x', bytes - around("").Length));

    private async Task ExecuteAsync(string sql, params IReadOnlyList<object> parameters)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 0 };
        foreach (object parameter in parameters)
        {
            command.Parameters.Add(new NpgsqlParameter { Value = parameter });
        }

        await command.ExecuteNonQueryAsync();
    }
}
