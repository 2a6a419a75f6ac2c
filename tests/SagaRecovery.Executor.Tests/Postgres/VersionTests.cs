using System.Collections.Concurrent;
using Dapper;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using Npgsql;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>Processes of a deployment that has changed a saga under the same version.</summary>
public sealed class VersionTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private const string Refusal = "Saga 'order' version 1 *: node 'b' was added, and the version was not raised. *";

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly Gate _gate = new();
    private readonly ConcurrentQueue<string> _ran = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task A_changed_shape_is_refused_and_logged_while_the_former_process_answers_and_other_starts_of_the_group_succeed()
    {
        await using PostgresHost before = await PostgresHost.StartAsync(_database, Guid.NewGuid(), Order("a"));
        await (await before.Client.StartAsync(before.Saga("order"), "")).Completion.Soon();
        await WaitForProfileAsync(before);
        using var log = new Lines();
        TestSaga other = new("other", saga => saga.Node("only", _ => Task.CompletedTask));
        await using PostgresHost after = await PostgresHost.StartAsync(_database, _coordinator, With(log), Order("a", "b"), other);
        await after.ActivateAsync();

        Task<SagaHandle>[] others = [.. Enumerable.Range(0, 20).Select(_ => after.Client.StartAsync(other, ""))];
        Task<SagaHandle>[] refused = [.. Enumerable.Range(0, 20).Select(_ => after.Client.StartAsync(after.Saga("order"), ""))];

        foreach (Task<SagaHandle> start in refused)
        {
            Func<Task> wait = () => start;
            (await wait.Should().ThrowAsync<SagaShapeChangedException>()).WithMessage(Refusal);
        }

        foreach (SagaHandle handle in await Task.WhenAll(others).Soon())
        {
            (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        }

        await Eventually.HoldsAsync(() => log.Of(65).Count == 1, "the refusal is in the log");
        log.Of(65).Single().Should().Match(Refusal);
        (await after.ScalarAsync<long>("select count(*) from saga_recovery.saga where name = 'order'")).Should().Be(1);
        (await after.ScalarAsync<long>("select count(*) from saga_recovery.saga_definition where name = 'order'")).Should().Be(1);
        after.Status.Current.Totals.ProtocolViolations.Should().Be(0);
    }

    [Fact]
    public async Task A_refused_start_in_a_transaction_leaves_the_transaction_usable()
    {
        await using PostgresHost before = await PostgresHost.StartAsync(_database, Guid.NewGuid(), Order("a"));
        await before.Client.StartAsync(before.Saga("order"), "");
        await before.ExecuteAsync("create table orders (id int)");
        await using PostgresHost after = await PostgresHost.StartAsync(_database, _coordinator, Order("a", "b"));
        await using var connection = new NpgsqlConnection(_database);
        await connection.OpenAsync();
        await using NpgsqlTransaction transaction = await connection.BeginTransactionAsync();

        Func<Task> start = () => after.Client.StartAsync(after.Saga("order"), "", transaction);

        (await start.Should().ThrowAsync<SagaShapeChangedException>()).WithMessage(Refusal);
        await connection.ExecuteAsync("insert into orders values (1)", transaction: transaction);
        await transaction.CommitAsync();
        (await after.ScalarAsync<long>("select count(*) from orders")).Should().Be(1);
        (await after.ScalarAsync<long>("select count(*) from saga_recovery.saga")).Should().Be(1);
    }

    [Fact]
    public async Task A_process_that_restarts_with_a_changed_shape_logs_its_unfinished_sagas_and_a_registered_former_shape_runs_them()
    {
        SagaHandle unfinished;
        await using (PostgresHost before = await PostgresHost.StartAsync(_database, _coordinator, Order("a", "gate")))
        {
            unfinished = await before.Client.StartAsync(before.Saga("order"), "");
            await _gate.ArrivalAsync();
        }

        using var log = new Lines();
        await using (PostgresHost changed = await PostgresHost.StartAsync(_database, _coordinator, With(log), Order("a", "gate", "b")))
        {
            await changed.ActivateAsync();
            await Eventually.HoldsAsync(() => log.Of(63).Count == 1, "the unknown definition is logged");
            await changed.Invoking(host => host.Client.StartAsync(host.Saga("order"), "")).Should().ThrowAsync<SagaShapeChangedException>();
        }

        log.Of(63).Single().Should().Match(
            "unfinished sagas of this coordinator have an unknown definition, 'order' version 1 (*…), and stay as they are, 1 in total: "
            + "this version is registered with other nodes (node 'b' was added); register the former shape as well");
        using var second = new Lines();
        await using PostgresHost both = await PostgresHost.StartAsync(_database, _coordinator, With(second, Order("a", "gate")), Order("a", "gate", "b"));
        _gate.Open();

        (await both.Client.WaitAsync(unfinished.SagaId).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("a of 2");
        (await (await both.Client.StartAsync(both.Saga("order"), "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("a of 2", "a of 3", "b of 3");
        (second.Of(63).Count + second.Of(65).Count).Should().Be(0);
    }

    [Fact]
    public async Task A_changed_shape_may_start_once_the_sagas_of_the_former_one_have_ended_and_no_other_process_publishes_it()
    {
        await using (PostgresHost before = await PostgresHost.StartAsync(_database, _coordinator, Order("a")))
        {
            await (await before.Client.StartAsync(before.Saga("order"), "")).Completion.Soon();
        }

        using var log = new Lines();
        await using PostgresHost after = await PostgresHost.StartAsync(_database, _coordinator, With(log), Order("a", "b"));

        (await (await after.Client.StartAsync(after.Saga("order"), "")).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        log.Of(65).Should().BeEmpty();
    }

    [Fact]
    public async Task A_former_shape_may_be_a_scoped_class_and_the_list_names_the_process_that_can_run_it()
    {
        await using PostgresHost host = await PostgresHost.StartAsync(
            _database,
            _coordinator,
            services => services.AddSagaRecovery().AddDurableExecutor().AddFormerSaga<ScopedFormer>(ServiceLifetime.Scoped).Services.AddSingleton(_ran).AddScoped<Scope>(),
            Order("a", "b"));
        await host.ActivateAsync();
        await WaitForProfileAsync(host);
        var declared = new ScopedFormer(_ran, new Scope());
        SavedDefinition former = new SagaRegistry([new RegisteredSaga(declared)], Options.Create(new DurableExecutorOptions())).Get(declared, default).Saved;
        SagaId id = SagaId.NewAt(DateTimeOffset.UtcNow);
        await host.Services.GetRequiredService<ISagaLog>().CreateAsync(
            await host.Coordinator.JoinedAsync(CancellationToken.None), new NewSaga(id, former, "\"\""u8.ToArray()), CancellationToken.None);

        DefinitionList list = await host.Operator.Definitions.ListAsync(CancellationToken.None);
        await host.ActivateAsync();

        (await host.Client.WaitAsync(id).Soon()).Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("scoped in its own scope");
        list.Definitions.Single(one => one.Hash == former.Hash).Should().Match<DefinitionDetails>(
            one => one.Need == DefinitionNeed.UnfinishedSagas && one.RunBy.Count == 1 && one.RunBy[0].Value == _coordinator);
        using IServiceScope scope = host.Services.CreateScope();
        await host.Invoking(one => one.Client.StartAsync(scope.ServiceProvider.GetRequiredService<ScopedFormer>(), ""))
            .Should().ThrowAsync<ArgumentException>().WithMessage("*registered as a former shape*");
    }

    private static Task WaitForProfileAsync(PostgresHost host) => Eventually.HoldsAsync(
        () => host.ScalarAsync<bool>($"select profile_incarnation = incarnation from saga_recovery.saga_coordinator where id = '{host.Coordinator.Id}'"),
        "its profile is published");

    private static Action<IServiceCollection> With(Lines log, params Saga[] formers) => services =>
    {
        services.AddLogging(logging => logging.AddProvider(log));
        foreach (Saga former in formers)
        {
            services.AddSingleton(new SagaResolver(_ => new RegisteredSaga(former) { IsFormer = true }));
        }
    };

    /// <summary>A saga that runs the nodes one after the other; the node <c>gate</c> waits.</summary>
    private TestSaga Order(params string[] nodes) => new("order", saga =>
    {
        SagaNode[] before = [];
        foreach (string node in nodes)
        {
            before = [saga.Node(node, context => RunAsync(node, nodes.Length, context.CancellationToken), after: before)];
        }
    });

    private async Task RunAsync(string node, int nodes, CancellationToken cancellationToken)
    {
        if (node == "gate")
        {
            await _gate.PassAsync(cancellationToken);
        }
        else
        {
            _ran.Enqueue($"{node} of {nodes}");
        }
    }

    private sealed class Scope;

    private sealed class ScopedFormer(ConcurrentQueue<string> ran, Scope scope) : Saga<string>
    {
        public override string Name => "order";

        protected internal override void Define(SagaBuilder<string> saga) => saga.Node("scoped", context =>
        {
            ran.Enqueue(ReferenceEquals(context.Services.GetRequiredService<Scope>(), scope) ? "scoped in its own scope" : "scoped in another scope");
            return Task.CompletedTask;
        });
    }

    private sealed class Lines : ILoggerProvider
    {
        private readonly ConcurrentQueue<(int Id, string Text)> _lines = new();

        public IReadOnlyList<string> Of(int id) => [.. _lines.Where(line => line.Id == id).Select(line => line.Text)];

        public ILogger CreateLogger(string categoryName) => new Logger(_lines);

        public void Dispose()
        {
        }

        private sealed class Logger(ConcurrentQueue<(int Id, string Text)> lines) : ILogger
        {
            public IDisposable? BeginScope<TState>(TState state)
                where TState : notnull => null;

            public bool IsEnabled(LogLevel logLevel) => true;

            public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
                lines.Enqueue((eventId.Id, formatter(state, exception)));
        }
    }
}
