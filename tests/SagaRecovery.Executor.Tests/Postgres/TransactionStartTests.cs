using System.Collections.Concurrent;
using System.Data;
using System.Data.Common;
using Dapper;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Sagas that start in a transaction of their caller, with the data of the caller.</summary>
public sealed class TransactionStartTests (PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly ConcurrentQueue<string> _ran = new();
    private NpgsqlConnection _connection = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await cluster.NewDatabaseAsync();
        _connection = new NpgsqlConnection(_database);
        await _connection.OpenAsync();
        await _connection.ExecuteAsync("create table orders (id uuid primary key)");
    }

    public async ValueTask DisposeAsync() => await _connection.DisposeAsync();

    [Theory]
    [InlineData(IsolationLevel.ReadCommitted)]
    [InlineData(IsolationLevel.RepeatableRead)]
    [InlineData(IsolationLevel.Serializable)]
    public async Task The_saga_runs_after_the_commit_and_its_row_is_there_with_the_data_of_the_caller(IsolationLevel isolation)
    {
        await using PostgresHost host = await StartAsync();
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync(isolation);
        SagaHandle handle = await OrderAsync(host, transaction);
        PassReport before = await host.ActivateAsync();
        (await host.Client.GetAsync(handle.SagaId)).Should().BeNull("nothing is committed yet");

        await transaction.CommitAsync();

        handle.IsNew.Should().BeTrue();
        (await host.Client.WaitAsync(handle.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("ran");
        before.Found.Should().Be(0);
        host.Status.Current.Totals.ProtocolViolations.Should().Be(0);
        (await _connection.QuerySingleAsync<int>("select count(*) from orders")).Should().Be(1);
    }

    [Fact]
    public async Task A_rollback_leaves_neither_the_saga_nor_the_data()
    {
        await using PostgresHost host = await StartAsync();
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle handle = await OrderAsync(host, transaction);

        await transaction.RollbackAsync();
        PassReport pass = await host.ActivateAsync();

        pass.Found.Should().Be(0);
        (await host.Client.GetAsync(handle.SagaId)).Should().BeNull();
        await host.Client.Invoking(client => client.WaitAsync(handle.SagaId).Soon()).Should().ThrowAsync<KeyNotFoundException>();
        (await _connection.QuerySingleAsync<int>("select count(*) from orders")).Should().Be(0);
        _ran.Should().BeEmpty();
    }

    [Fact]
    public async Task A_saga_whose_process_ended_before_the_commit_runs_in_its_successor()
    {
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle handle = await OrderInProcessThatEndsAsync(transaction);

        await using PostgresHost second = await StartAsync();
        await second.ActivateAsync();
        await Eventually.HoldsAsync(
            () => second.ScalarAsync<bool>("select profile_incarnation = incarnation from saga_recovery.saga_coordinator"), "the successor listens");
        await transaction.CommitAsync();

        (await second.Client.WaitAsync(handle.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("ran");
    }

    [Fact]
    public async Task A_saga_that_is_committed_after_its_process_had_left_is_taken_over_by_another_node()
    {
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle handle = await OrderInProcessThatEndsAsync(transaction);

        await using PostgresHost other = await PostgresHost.StartAsync(
            _database,
            Guid.NewGuid(),
            options =>
            {
                options.HeartbeatPeriod = TimeSpan.FromMilliseconds(200);
                options.TakeOverAfter = TimeSpan.FromSeconds(1);
            },
            Saga());
        await other.ActivateAsync();
        await transaction.CommitAsync();

        (await other.Client.WaitAsync(handle.SagaId).WaitAsync(TimeSpan.FromSeconds(60))).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("ran");
    }

    [Fact]
    public async Task An_open_transaction_delays_neither_a_join_nor_a_start_of_the_same_definition()
    {
        await using PostgresHost host = await StartAsync();
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle waiting = await OrderAsync(host, transaction);

        await using PostgresHost other = await PostgresHost.StartAsync(_database, Guid.NewGuid(), Saga());
        SagaHandle elsewhere = await other.Client.StartAsync(other.Saga("order"), "").Soon();
        await using PostgresHost successor = await StartAsync();
        SagaHandle next = await successor.Client.StartAsync(successor.Saga("order"), "").Soon();

        (await elsewhere.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        (await next.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        await Eventually.HoldsAsync(
            () => successor.Status.Current.Heartbeat is { LastWritten: not null, ListenerError: null }, "the successor listens: otherwise its next periodic pass finds the saga");
        await transaction.CommitAsync();
        (await successor.Client.WaitAsync(waiting.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_repeated_start_attaches_in_the_same_transaction_and_in_a_later_one()
    {
        await using PostgresHost host = await StartAsync();
        var options = new SagaStartOptions { Key = "order 1" };
        Saga<string> saga = host.Saga("order");
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle first = await host.Client.StartAsync(saga, "p", transaction, options);
        SagaHandle again = await host.Client.StartAsync(saga, "p", transaction, options);
        Func<Task> other = () => host.Client.StartAsync(saga, "q", transaction, options);

        (await other.Should().ThrowAsync<SagaConflictException>()).Which.Difference.Should().Be("its parameters differ in $");
        await transaction.CommitAsync();
        await using NpgsqlTransaction second = await _connection.BeginTransactionAsync();
        SagaHandle later = await host.Client.StartAsync(saga, "p", second, options);
        await second.RollbackAsync();

        new[] { first.IsNew, again.IsNew, later.IsNew }.Should().Equal(true, false, false);
        (await later.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("ran");
    }

    [Fact]
    public async Task Of_two_transactions_with_one_key_the_second_attaches_to_the_committed_first_and_starts_after_a_rollback()
    {
        await using PostgresHost host = await StartAsync();
        Saga<string> saga = host.Saga("order");
        await using NpgsqlConnection elsewhere = new(_database);
        await elsewhere.OpenAsync();
        foreach (bool commits in (bool[])[true, false])
        {
            var options = new SagaStartOptions { Key = $"commits: {commits}" };
            await using NpgsqlTransaction one = await _connection.BeginTransactionAsync();
            await using NpgsqlTransaction two = await elsewhere.BeginTransactionAsync();
            await host.Client.StartAsync(saga, "p", one, options);
            Task<SagaHandle> second = host.Client.StartAsync(saga, "p", two, options);

            await (commits ? one.CommitAsync() : one.RollbackAsync());

            (await second.Soon()).IsNew.Should().Be(!commits);
            await two.CommitAsync();
            (await host.Client.WaitAsync((await second).SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        }

        _ran.Should().HaveCount(2);
    }

    [Fact]
    public async Task A_start_outside_of_a_transaction_does_not_wait_for_one_with_the_same_key_and_other_starts_go_on()
    {
        await using PostgresHost host = await StartAsync();
        Saga<string> saga = host.Saga("order");
        var options = new SagaStartOptions { Key = "taken" };
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        await host.Client.StartAsync(saga, "p", transaction, options);

        Task<SagaHandle>[] blocked = [.. Enumerable.Range(0, 3).Select(_ => host.Client.StartAsync(saga, "p", options))];
        SagaHandle[] others = await Task.WhenAll(Enumerable.Range(0, 20).Select(_ => host.Client.StartAsync(saga, "p"))).Soon();

        others.Should().OnlyContain(handle => handle.IsNew);
        foreach (Task<SagaHandle> start in blocked)
        {
            (await start.Soon().Invoking(wait => wait).Should().ThrowAsync<PostgresException>()).Which.SqlState.Should().Be(PostgresErrorCodes.LockNotAvailable);
        }

        await transaction.CommitAsync();
        (await host.Client.StartAsync(saga, "p", options)).IsNew.Should().BeFalse();
    }

    [Fact]
    public async Task The_completion_of_a_start_may_be_asked_for_before_the_commit()
    {
        await using PostgresHost host = await StartAsync();
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        SagaHandle handle = await host.Client.StartAsync(host.Saga("order"), "", transaction);

        SagaResult before = await handle.Completion.Soon();
        await transaction.CommitAsync();
        SagaResult after = await handle.Completion.Soon();

        before.Should().BeOfType<SagaResult.Interrupted>().Which.Reason.Should().StartWith("no committed saga has this id");
        after.Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_transaction_of_another_database_or_one_that_has_ended_is_refused()
    {
        await using PostgresHost host = await StartAsync();
        await using PostgresHost other = await PostgresHost.StartAsync(await cluster.NewDatabaseAsync(), Guid.NewGuid(), Saga());
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        await host.ActivateAsync(); // the tables exist
        Func<Task> elsewhere = () => other.Client.StartAsync(other.Saga("order"), "", transaction);
        await elsewhere.Should().ThrowAsync<ArgumentException>().WithMessage("The transaction belongs to another database than the sagas*");
        await transaction.RollbackAsync();
        Func<Task> ended = () => host.Client.StartAsync(host.Saga("order"), "", transaction);
        Func<Task> injected = () => host.Client.StartAsync(host.Saga("order"), "", transaction, new SagaStartOptions { Inject = new SagaInjections() });

        await ended.Should().ThrowAsync<InvalidOperationException>();
        await injected.Should().ThrowAsync<ArgumentException>().WithMessage("Injections apply to a run*");
    }

    [Fact]
    public async Task A_definition_that_the_database_has_lost_is_stored_again()
    {
        await using PostgresHost host = await StartAsync();
        (await (await host.Client.StartAsync(host.Saga("order"), "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        await host.ExecuteAsync("delete from saga_recovery.saga_definition");
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();

        SagaHandle handle = await host.Client.StartAsync(host.Saga("order"), "", transaction);
        await transaction.CommitAsync();

        (await host.Client.WaitAsync(handle.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
    }

    [Fact]
    public async Task A_process_that_shuts_down_starts_nothing()
    {
        PostgresHost host = await StartAsync();
        await using NpgsqlTransaction transaction = await _connection.BeginTransactionAsync();
        await host.StopAsync();

        Func<Task> start = () => host.Client.StartAsync(host.Saga("order"), "", transaction);

        await start.Should().ThrowAsync<InvalidOperationException>();
        await host.DisposeAsync();
    }

    private async Task<SagaHandle> OrderInProcessThatEndsAsync(NpgsqlTransaction transaction)
    {
        await using PostgresHost host = await StartAsync();
        return await OrderAsync(host, transaction);
    }

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(_database, _coordinator, Saga());

    private TestSaga Saga() => new("order", saga => saga.Node("only", _ =>
    {
        _ran.Enqueue("ran");
        return Task.CompletedTask;
    }));

    private static async Task<SagaHandle> OrderAsync(PostgresHost host, DbTransaction transaction)
    {
        await transaction.Connection!.ExecuteAsync("insert into orders values (gen_random_uuid())", transaction: transaction);
        return await host.Client.StartAsync(host.Saga("order"), "", transaction);
    }
}
