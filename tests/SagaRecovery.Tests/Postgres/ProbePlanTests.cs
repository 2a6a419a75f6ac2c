using Dapper;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Postgres;

namespace SagaRecovery.Tests.Postgres;

/// <summary>Statements about given sagas find them by the primary key, also while the index of unfinished sagas is small and looks cheaper.</summary>
public sealed class ProbePlanTests(PostgresCluster cluster) : PostgresTest(cluster)
{
    [Fact]
    public async Task Sagas_of_a_write_and_of_a_load_are_found_by_their_ids()
    {
        Membership us = await Db.JoinAsync();
        SagaId template = await Db.CreateSagaAsync(us);
        await Db.ExecuteAsync(
            """
            insert into saga_recovery.saga (id, name, creator, definition_hash, params, state, current_coordinator)
            select gen_random_uuid(), name, creator, definition_hash, params, 'succeeded', current_coordinator from saga_recovery.saga, generate_series(1, 1000)
            where id = @Id;
            """,
            new { Id = template.Value });
        await Db.ExecuteAsync("vacuum analyze saga_recovery.saga");
        Statements sql = Db.Database.Statements;

        (await PlanOfAsync("(uuid, uuid, uuid[], bigint[], text[], bigint[], bigint[], text[], json[])", sql.Append)).Should().Contain("saga_pkey").And.NotContain("saga_unfinished");
        (await PlanOfAsync("(uuid, uuid[])", sql.LoadSagas)).Should().Contain("saga_pkey").And.NotContain("saga_unfinished");
        (await PlanOfAsync("(uuid[])", new CallerStatements("saga_recovery").FindUnfinished)).Should().Contain("saga_pkey").And.NotContain("saga_unfinished");
    }

    private async Task<string> PlanOfAsync(string types, string statement)
    {
        await using NpgsqlConnection connection = await Db.DataSource.OpenConnectionAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();
        await connection.ExecuteAsync("set local enable_seqscan = off; set local plan_cache_mode = force_generic_plan");
        await connection.ExecuteAsync($"prepare probe {types} as {statement}");
        string nulls = string.Join(", ", Enumerable.Repeat("null", types.Count(character => character == ',') + 1));
        IEnumerable<string> plan = await connection.QueryAsync<string>($"explain (costs off) execute probe ({nulls})");
        await connection.ExecuteAsync("deallocate probe");
        return string.Join('\n', plan);
    }
}
