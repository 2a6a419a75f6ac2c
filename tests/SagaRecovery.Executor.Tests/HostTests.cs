using System.Collections.Concurrent;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Tests;

public sealed class HostTests
{
    [Theory]
    [InlineData("MaxRunningSagas", "0", "SagaRecovery:Executor:MaxRunningSagas must be at least 1 (was 0)")]
    [InlineData("MaxRunningSagasByDefinition:slow", "0", "SagaRecovery:Executor:MaxRunningSagasByDefinition:slow must be at least 1 (was 0)")]
    [InlineData("MaxWriteGroup", "-5", "SagaRecovery:Executor:MaxWriteGroup must be at least 1 (was -5)")]
    [InlineData("MaxConcurrentWrites", "0", "SagaRecovery:Executor:MaxConcurrentWrites must be at least 1 (was 0)")]
    [InlineData("FirstWriteRetryDelay", "00:00:00", "SagaRecovery:Executor:FirstWriteRetryDelay must be longer than zero (was 00:00:00)")]
    [InlineData("StepStopTimeout", "100.00:00:00", "SagaRecovery:Executor:StepStopTimeout must be longer than zero and at most one day (was 100.00:00:00)")]
    [InlineData(
        "LongestWriteRetryDelay",
        "00:00:00.010",
        "SagaRecovery:Executor:LongestWriteRetryDelay must not be shorter than FirstWriteRetryDelay, 00:00:00.0500000 (was 00:00:00.0100000)")]
    public async Task A_bad_setting_keeps_the_host_from_starting_and_is_named(string setting, string value, string message)
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor(), ($"SagaRecovery:Executor:{setting}", value));

        Func<Task> start = () => host.StartAsync();

        (await start.Should().ThrowAsync<OptionsValidationException>()).Which.Message.Should().Be(message);
    }

    [Fact]
    public void Settings_come_from_the_configuration_and_code_overrides_them()
    {
        using IHost host = Build(
            recovery => recovery.AddDurableExecutor(options => options.MaxWriteGroup = 7),
            ("SagaRecovery:Executor:MaxRunningSagas", "12"),
            ("SagaRecovery:Executor:MaxRunningSagasByDefinition:slow", "3"),
            ("SagaRecovery:Executor:MaxWriteGroup", "99"));

        DurableExecutorOptions settings = host.Services.GetRequiredService<IOptions<DurableExecutorOptions>>().Value;

        settings.MaxRunningSagas.Should().Be(12);
        settings.MaxRunningSagasByDefinition.Should().Equal(new Dictionary<string, int> { ["slow"] = 3 });
        settings.MaxWriteGroup.Should().Be(7);
    }

    [Fact]
    public void Every_setting_is_read_from_the_configuration_except_what_code_sets()
    {
        ConfiguredOptions.FindUnread<DurableExecutorOptions>(
            DurableExecutorOptions.SectionName, services => services.AddSagaRecovery().AddDurableExecutor(), nameof(DurableExecutorOptions.Json)).Should().BeEmpty();
        DurableExecutorOptions.Durations.Should().BeEquivalentTo(ConfiguredOptions.DurationsOf(typeof(DurableExecutorOptions)));
    }

    [Fact]
    public async Task A_limit_for_an_unknown_definition_keeps_the_host_from_starting()
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor(), ("SagaRecovery:Executor:MaxRunningSagasByDefinition:slow", "3"));

        Func<Task> start = () => host.StartAsync();

        await start.Should().ThrowAsync<OptionsValidationException>().WithMessage(
            "SagaRecovery:Executor:MaxRunningSagasByDefinition:slow names no registered definition.*");
    }

    [Fact]
    public async Task A_bad_definition_keeps_the_host_from_starting()
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor().AddSaga<EmptySaga>());

        Func<Task> start = () => host.StartAsync();

        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage("Saga 'empty' version 1 is not valid: it has no nodes.");
    }

    [Fact]
    public async Task A_saga_is_started_and_run_in_a_host_and_the_executor_stops_last()
    {
        using IHost host = Build(recovery =>
        {
            recovery.Services.AddHostedService<Earlier>();
            recovery.AddDurableExecutor().AddDurableExecutor().AddSaga<DiamondSaga>();
        });
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);

        SagaHandle handle = await host.Services.GetRequiredService<SagaClient>()
            .StartAsync(host.Services.GetRequiredService<DiamondSaga>(), "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        host.Services.GetRequiredService<ISagaExecutor>().Should().BeSameAs(host.Services.GetRequiredService<DurableExecutor>());
        host.Services.GetServices<IHostedService>().First().Should().BeOfType<DurableExecutor>("they stop in reverse order");
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task A_start_waits_until_the_process_has_joined()
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor().AddSaga<DiamondSaga>());
        await host.StartAsync();
        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        using var impatient = new CancellationTokenSource();

        Task<SagaHandle> starting = client.StartAsync(host.Services.GetRequiredService<DiamondSaga>(), "");
        Task<SagaHandle> interrupted = client.StartAsync(host.Services.GetRequiredService<DiamondSaga>(), "", cancellationToken: impatient.Token);
        starting.IsCompleted.Should().BeFalse();
        await impatient.CancelAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);

        (await (await starting.Soon()).Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        Func<Task> waitForInterrupted = () => interrupted;
        await waitForInterrupted.Should().ThrowAsync<OperationCanceledException>();
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task A_saga_may_take_the_client_in_its_constructor_and_start_another_saga()
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor().AddSaga<DiamondSaga>().AddSaga<StarterSaga>());
        await host.StartAsync().Soon();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);

        SagaHandle handle = await host.Services.GetRequiredService<SagaClient>().StartAsync(host.Services.GetRequiredService<StarterSaga>(), "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>();
        await host.StopAsync().Soon();
    }

    [Theory]
    [InlineData(typeof(ISagaExecutor))]
    [InlineData(typeof(DurableExecutor))]
    public async Task A_saga_that_takes_a_service_which_needs_the_sagas_keeps_the_host_from_starting_and_is_named(Type service)
    {
        using IHost host = Build(recovery =>
        {
            recovery.AddDurableExecutor().AddSaga<DiamondSaga>().AddSaga<CyclicSaga>();
            recovery.Services.AddSingleton(provider => new Needed(provider.GetRequiredService(service)));
        });

        Func<Task> start = () => Task.Run(() => host.StartAsync()).Soon();

        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage($"*{typeof(CyclicSaga)} takes a service*SagaClient*");
    }

    [Theory]
    [InlineData(ServiceLifetime.Scoped)]
    [InlineData(ServiceLifetime.Transient)]
    public async Task Each_attempt_of_a_scoped_saga_has_an_instance_from_its_own_scope(ServiceLifetime lifetime)
    {
        var log = new UnitsOfWork();
        using IHost host = Build(recovery =>
        {
            recovery.AddDurableExecutor().AddSaga<ScopedSaga>(lifetime);
            recovery.Services.AddSingleton(log).AddScoped<UnitOfWork>();
        });
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);
        log.Open.Keys.Should().BeEmpty("the scope of the definition has ended");

        await using AsyncServiceScope request = host.Services.CreateAsyncScope();
        SagaHandle handle = await host.Services.GetRequiredService<SagaClient>()
            .StartAsync(request.ServiceProvider.GetRequiredService<ScopedSaga>(), "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Unwound>().Which.Error.Code.Should().Be("late");
        log.Used.Should().HaveCount(4, "the first node is retried once and undone").And.OnlyHaveUniqueItems();
        log.Open.Keys.Should().ContainSingle("the others are disposed, and this one is the caller's")
            .Which.Should().Be(request.ServiceProvider.GetRequiredService<UnitOfWork>());
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task The_caller_of_a_scoped_saga_reads_outputs_by_the_nodes_of_its_own_instance_and_a_failing_dispose_changes_no_result()
    {
        using IHost host = Build(recovery =>
        {
            recovery.AddDurableExecutor().AddSaga<ReadableSaga>(ServiceLifetime.Scoped);
            recovery.Services.AddScoped<FailingDispose>();
        });
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);
        AsyncServiceScope request = host.Services.CreateAsyncScope();
        ReadableSaga saga = request.ServiceProvider.GetRequiredService<ReadableSaga>();

        SagaHandle handle = await host.Services.GetRequiredService<SagaClient>().StartAsync(saga, "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Which.Output(saga.Answer).Should().Be(42);
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task A_class_that_is_registered_as_scoped_stays_scoped()
    {
        using IHost host = Build(recovery =>
        {
            recovery.Services.AddSingleton<UnitsOfWork>().AddScoped<UnitOfWork>().AddScoped<ScopedSaga>();
            recovery.AddDurableExecutor().AddSaga<ScopedSaga>();
        });
        await host.StartAsync();

        host.Services.GetRequiredService<UnitsOfWork>().Open.Keys.Should().BeEmpty();
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task A_saga_whose_nodes_differ_from_scope_to_scope_is_interrupted_and_nothing_runs()
    {
        using IHost host = Build(recovery =>
        {
            recovery.Services.AddSingleton<UnitsOfWork>().AddScoped<UnitOfWork>();
            recovery.AddDurableExecutor().AddSaga<FickleSaga>(ServiceLifetime.Scoped);
        });
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);

        await using AsyncServiceScope request = host.Services.CreateAsyncScope();
        SagaHandle handle = await host.Services.GetRequiredService<SagaClient>()
            .StartAsync(request.ServiceProvider.GetRequiredService<FickleSaga>(), "");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Interrupted>();
        host.Services.GetRequiredService<UnitsOfWork>().Used.Should().BeEmpty();
        await host.StopAsync().Soon();
    }

    [Fact]
    public async Task A_saga_with_an_empty_id_is_refused()
    {
        using IHost host = Build(recovery => recovery.AddDurableExecutor().AddSaga<DiamondSaga>());
        await host.StartAsync();
        await host.Services.GetRequiredService<SagaCoordinator>()
            .EnsureJoinedAsync(host.Services.GetRequiredService<ISagaStore>(), CancellationToken.None);

        Func<Task> start = () => host.Services.GetRequiredService<SagaClient>()
            .StartAsync(host.Services.GetRequiredService<DiamondSaga>(), "", new SagaStartOptions { Id = default(SagaId) });

        await start.Should().ThrowAsync<ArgumentException>().WithMessage("The id of a saga must not be empty.*");
        await host.StopAsync().Soon();
    }

    /// <summary>A host with what <c>AddSagaRecovery()</c> registers, but for recovery itself, on a store in memory.</summary>
    private static IHost Build(Action<SagaRecoveryBuilder> configure, params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value)));
        builder.Services.AddLogging();
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(new SteadyTimeProvider(TimeProvider.System));
        builder.Services.Configure<SagaRecoveryOptions>(options => options.CoordinatorId = TestProcess.Me);
        builder.Services.AddSingleton<SagaCoordinator>();
        builder.Services.AddSingleton<InMemorySagaStore>();
        builder.Services.AddSingleton<ISagaStore>(provider => provider.GetRequiredService<InMemorySagaStore>());
        builder.Services.AddSingleton<ISagaLog>(provider => provider.GetRequiredService<InMemorySagaStore>());
        builder.Services.AddSingleton(provider => new SagaStarts(
            new StartInbox(),
            provider.GetRequiredService<SagaCoordinator>(),
            new RecoveryWakeups(TimeProvider.System),
            provider.GetRequiredService<IOptions<SagaRecoveryOptions>>()));
        configure(new SagaRecoveryBuilder(builder.Services));
        return builder.Build();
    }

    private sealed class EmptySaga : Saga<string>
    {
        public override string Name => "empty";

        protected internal override void Define(SagaBuilder<string> saga)
        {
        }
    }

    private sealed class StarterSaga(SagaClient client, DiamondSaga other) : Saga<string>
    {
        public override string Name => "starter";

        protected internal override void Define(SagaBuilder<string> saga) => saga.Node(
            "start",
            async context => (await client.StartAsync(
                other, "", new SagaStartOptions { Id = new SagaId(context.IdempotencyKey) }, context.CancellationToken)).SagaId);
    }

    /// <summary>What a <c>DbContext</c> is to a service.</summary>
    private sealed class UnitOfWork : IAsyncDisposable
    {
        private readonly UnitsOfWork _log;

        public UnitOfWork(UnitsOfWork log)
        {
            _log = log;
            log.Open.TryAdd(this, true);
        }

        public void Use() => _log.Used.Enqueue(this);

        public ValueTask DisposeAsync()
        {
            _log.Open.TryRemove(this, out _);
            return ValueTask.CompletedTask;
        }
    }

    private sealed class UnitsOfWork
    {
        public ConcurrentDictionary<UnitOfWork, bool> Open { get; } = new();

        public ConcurrentQueue<UnitOfWork> Used { get; } = new();
    }

    private sealed class ScopedSaga(UnitOfWork work) : Saga<string>
    {
        private static readonly NodePolicy Quickly = new() { Action = new StepPolicy { Delay = TimeSpan.FromMilliseconds(1) } };

        public override string Name => "scoped";

        protected internal override void Define(SagaBuilder<string> saga)
        {
            SagaNode<int> first = saga.Node("first", Quickly, ActAsync, undo: (context, _) => ActAsync(context));
            saga.Node("second", context => Task.FromException(new SagaActionException("late", $"after {Use(context).Output(first)}")), after: first);
        }

        private Task<int> ActAsync(NodeContext<string> context) =>
            Use(context).Attempt == 1 && context.IdempotencyKey == context.ActionIdempotencyKey
                ? Task.FromException<int>(new TimeoutException())
                : Task.FromResult(7);

        private NodeContext<string> Use(NodeContext<string> context)
        {
            work.Should().BeSameAs(context.Services.GetRequiredService<UnitOfWork>());
            work.Use();
            return context;
        }
    }

    private sealed class ReadableSaga : Saga<string>
    {
        public override string Name => "readable";

        public SagaNode<int> Answer { get; private set; } = null!;

        protected internal override void Define(SagaBuilder<string> saga) => Answer = saga.Node("answer", context =>
        {
            context.Services.GetRequiredService<FailingDispose>();
            return Task.FromResult(42);
        });
    }

    private sealed class FailingDispose : IDisposable
    {
        public void Dispose() => throw new InvalidOperationException("it cannot be closed");
    }

    private sealed class FickleSaga(UnitOfWork work, UnitsOfWork log) : Saga<string>
    {
        public override string Name => "fickle";

        protected internal override void Define(SagaBuilder<string> saga) => saga.Node($"node {log.Open.Count}", _ =>
        {
            work.Use();
            return Task.CompletedTask;
        });
    }

    /// <summary>Built by a factory, as many services are: the container cannot see a cycle through it.</summary>
    private sealed class Needed(object service)
    {
        public object Service { get; } = service;
    }

    private sealed class CyclicSaga(Needed needed) : Saga<string>
    {
        public override string Name => "cyclic";

        protected internal override void Define(SagaBuilder<string> saga) => saga.Node("use", _ => Task.FromResult(needed.Service is null));
    }

    private sealed class Earlier : IHostedService
    {
        public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
