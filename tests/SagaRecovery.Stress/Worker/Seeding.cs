using System.Text;
using Dapper;
using Npgsql;
using SagaRecovery.Postgres;
using SagaRecovery.Storage;

namespace SagaRecovery.Stress.Worker;

/// <summary>Puts sagas in progress into the database, thousands at a time.</summary>
internal sealed class Seeding(string connectionString, Guid coordinatorId)
{
    private const string InsertDefinition = """
        insert into saga_recovery.saga_definition (hash, name, version, dag) values (@hash, @Definition, 1, @Dag::json) on conflict do nothing
        """;

    private const string InsertSagas = """
        with made as (
            insert into stress.seeded (saga_id, kind) select gen_random_uuid(), @Kind from generate_series(1, @count) returning saga_id)
        insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
        select saga_id, @Definition, @coordinatorId, @hash, @Parameters::json, 'running', @coordinatorId from made
        """;

    /// <summary>Of all sagas of the kind; those of earlier rounds have theirs.</summary>
    private const string InsertEvent = """
        insert into saga_recovery.saga_node_event (saga_id, node_id, event_type, data, creator)
        select saga_id, @Node, @Type, @Data::json, @coordinatorId from stress.seeded where kind = @Kind
        on conflict do nothing
        """;

    public async Task CreateTablesAsync()
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.ExecuteAsync(PostgresSchema.Script());
        await connection.ExecuteAsync(ExecutionJournal.Schema);
    }

    public async Task SeedAsync(SagaKind kind, int count)
    {
        byte[] hash = DefinitionHash.Of(Encoding.UTF8.GetBytes(kind.Dag)).ToBytes();
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.ExecuteAsync(InsertDefinition, new { hash, kind.Definition, kind.Dag });
        await connection.ExecuteAsync(InsertSagas, new { hash, kind.Kind, kind.Definition, kind.Parameters, count, coordinatorId });
        foreach (SeededEvent one in kind.Log)
        {
            await connection.ExecuteAsync(InsertEvent, new { one.Node, one.Type, one.Data, kind.Kind, coordinatorId });
        }
    }
}
