using Dapper;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>What the code of a transactional node may do with its transaction, and what becomes of its mistakes.</summary>
public sealed class TransactionalNodeCodeTests(PostgresCluster cluster) : DiskTests(cluster)
{
    [Fact]
    public async Task A_deferred_constraint_fails_the_action()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            await ExecuteAsync(transaction, "insert into quota values (@saga), (@saga)", node);
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Unwound>().Which.Error.Message.Should().Contain("quota_saga_key");
        (await DisksAsync(host)).Should().BeEmpty();
    }

    [Fact]
    public async Task A_conflict_with_another_transaction_is_retried()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            if (node.Attempt == 1)
            {
                await ExecuteAsync(transaction, "do $$ begin raise exception 'conflict' using errcode = '40001'; end $$", node);
            }
        }));

        (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();

        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task A_commit_that_conflicts_with_another_transaction_is_retried()
    {
        await using PostgresHost host = await StartAsync(Saga((node, transaction) =>
            ExecuteAsync(transaction, $"insert into disk values (@saga, '{(node.Attempt == 1 ? "conflict" : "disk")}')", node)));

        (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();

        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public async Task An_action_that_lets_its_transaction_time_out_is_retried_by_its_policy()
    {
        Database = new NpgsqlConnectionStringBuilder(Database) { Options = "-c idle_in_transaction_session_timeout=500" }.ConnectionString;
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await InsertAsync(node, transaction);
            if (node.Attempt == 1)
            {
                int backend = ((NpgsqlConnection)transaction.Connection!).ProcessID;
                await Eventually.HoldsAsync(
                    () => ScalarAsync<bool>($"select not exists (select from pg_stat_activity where pid = {backend})"), "the server has ended the session");
            }
        }));

        (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();

        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Theory]
    [InlineData("commit", "has committed or rolled back its transaction")]
    [InlineData("rollback", "has committed or rolled back its transaction")]
    [InlineData("set transaction isolation level serializable", "isolation level")]
    [InlineData("swallow", "set a savepoint")]
    [InlineData("set transaction read only", "read-only")]
    [InlineData("set local role pg_monitor", "another role")]
    public async Task Code_that_breaks_its_transaction_fails_with_advice(string mistake, string advice)
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            if (mistake == "swallow")
            {
                await FluentActions.Awaiting(() => ExecuteAsync(transaction, "select 1 / 0", node)).Should().ThrowAsync<PostgresException>();
            }
            else
            {
                await ExecuteAsync(transaction, mistake, node);
            }
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Unwound>().Which.Error.Message.Should().Contain(advice);
    }

    [Theory]
    [InlineData(true, "broken")]
    [InlineData(false, "a command of it still runs")]
    public async Task Code_that_leaves_a_command_running_ends_at_once(bool throws, string error)
    {
        await using var connection = new NpgsqlConnection(Database);
        await connection.OpenAsync();
        await connection.ExecuteAsync("select pg_advisory_lock(1)");
        Task? left = null;
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            left = ExecuteAsync(transaction, "select pg_advisory_lock(1)", node);
            await Eventually.HoldsAsync(() => ScalarAsync<bool>("select exists (select from pg_locks where not granted)"), "the command runs");
            if (throws)
            {
                throw new SagaActionException("broken", "it is broken");
            }
        }));

        SagaResult result = await RunAsync(host);

        result.Should().BeOfType<SagaResult.Unwound>().Which.Error.ToString().Should().Contain(error);
        left!.IsCompleted.Should().BeFalse("no step waits for it");
        await connection.ExecuteAsync("select pg_advisory_unlock(1)");
        await left.Soon();
        await Eventually.HoldsAsync(
            () => ScalarAsync<bool>("select not exists (select from pg_stat_activity where state like 'idle in transaction%' and datname = current_database())"),
            "its transaction is rolled back then");
    }

    [Fact]
    public async Task A_connection_that_has_died_in_the_pool_does_not_fail_the_action()
    {
        await using PostgresHost host = await StartAsync(new TestSaga("disk", saga => saga.TransactionalNode(
            "disk", new NodePolicy { Action = StepPolicy.NoRetry }, InsertAsync)));
        await RunAsync(host);
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder(Database) { Pooling = false }.ConnectionString);
        await connection.OpenAsync();
        await connection.ExecuteAsync("select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()");

        (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();

        (await DisksAsync(host)).Should().Equal("disk", "disk");
    }

    [Fact]
    public async Task A_savepoint_lets_an_action_go_on_after_an_error()
    {
        await using PostgresHost host = await StartAsync(Saga(async (node, transaction) =>
        {
            await transaction.SaveAsync("before");
            await FluentActions.Awaiting(() => ExecuteAsync(transaction, "select 1 / 0", node)).Should().ThrowAsync<PostgresException>();
            await transaction.RollbackAsync("before");
            await transaction.SaveAsync("open");
            await InsertAsync(node, transaction);
        }));

        (await RunAsync(host)).Should().BeOfType<SagaResult.Succeeded>();

        (await DisksAsync(host)).Should().Equal("disk");
    }

    [Fact]
    public void Its_failed_action_has_no_uncertain_effect_to_undo()
    {
        var saga = new TestSaga("disk", builder => builder.TransactionalNode(
            "disk", new NodePolicy { UndoAfterFailure = true }, (_, _) => Task.CompletedTask, (_, _) => Task.CompletedTask));

        saga.Invoking(definition => definition.BuildDefinition(System.Text.Json.JsonSerializerOptions.Web))
            .Should().Throw<InvalidOperationException>().WithMessage("*UndoAfterFailure*transactional*");
    }
}
