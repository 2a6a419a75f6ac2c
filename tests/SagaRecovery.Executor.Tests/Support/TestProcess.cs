using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using SagaRecovery.Activation;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Testing;
using SagaRecovery.Timing;

namespace SagaRecovery.Executor.Tests.Support;

/// <summary>One process that has joined a store: the services of the container, without recovery.</summary>
internal sealed class TestProcess : IAsyncDisposable
{
    public static readonly CoordinatorId Me = new(Guid.Parse("11111111-1111-1111-1111-111111111111"));
    public static readonly CoordinatorId Other = new(Guid.Parse("22222222-2222-2222-2222-222222222222"));

    private TestProcess(InMemorySagaStore store, ISagaLog log, TimeProvider time, DurableExecutorOptions settings, RegisteredSaga[] sagas, ISagaReader? reader, CoordinatorId me)
    {
        IOptions<SagaRecoveryOptions> options = Options.Create(new SagaRecoveryOptions { CoordinatorId = me });
        IOptions<DurableExecutorOptions> executorOptions = Options.Create(settings);
        Store = store;
        Coordinator = new SagaCoordinator(options, time, NullLogger<SagaCoordinator>.Instance);
        Starts = new SagaStarts(Inbox, Coordinator, Wakeups = new RecoveryWakeups(time), options);
        Registry = new SagaRegistry(sagas, executorOptions);
        Executor = new DurableExecutor(Registry, Coordinator, Starts, log, new SteadyTimeProvider(time), executorOptions, Lines, reader: reader ?? store, transactions: store);
        Client = new DurableSagaClient(
            new Lazy<SagaRegistry>(Registry), new Lazy<DurableExecutor>(Executor), Coordinator, Starts, log, new CancellingOperations(store, time), reader ?? store, store, store, time, executorOptions);
    }

    public InMemorySagaStore Store { get; }

    public StartInbox Inbox { get; } = new();

    public SagaCoordinator Coordinator { get; }

    public RecoveryWakeups Wakeups { get; }

    public SagaStarts Starts { get; }

    public SagaRegistry Registry { get; }

    public DurableExecutor Executor { get; }

    public SagaClient Client { get; }

    public LogLines Lines { get; } = new();

    public Membership Member { get; private set; }

    public static async Task<TestProcess> StartAsync(
        InMemorySagaStore store,
        Saga[] sagas,
        ISagaLog? log = null,
        TimeProvider? time = null,
        Action<DurableExecutorOptions>? configure = null,
        ISagaReader? reader = null,
        CoordinatorId? me = null,
        Saga[]? formers = null)
    {
        var settings = new DurableExecutorOptions();
        configure?.Invoke(settings);
        RegisteredSaga[] registered = [.. sagas.Select(saga => new RegisteredSaga(saga)), .. (formers ?? []).Select(saga => new RegisteredSaga(saga) { IsFormer = true })];
        var process = new TestProcess(store, log ?? store, time ?? TimeProvider.System, settings, registered, reader, me ?? Me);
        process.Member = await process.Coordinator.EnsureJoinedAsync(store, CancellationToken.None);
        return process;
    }

    public Task StopAsync(CancellationToken cancellationToken = default) => ((IHostedService)Executor).StopAsync(cancellationToken);

    public SavedDefinition SavedDefinitionOf(Saga saga, ReadOnlyMemory<byte> parameters = default) => Registry.Get(saga, parameters).Saved;

    /// <summary>Resumes a saga as it is stored.</summary>
    public async Task<ResumeOutcome> ResumeAsync(SagaId id)
    {
        SavedSaga saved = Store.Get(id).ToSavedSaga();
        return await Executor.ResumeAsync(saved, Member.Of(saved.Generation), CancellationToken.None);
    }

    /// <summary>Resumes a saga and waits for its end. Its last write is answered only once the handle was found: the run cannot be over before.</summary>
    public async Task<SagaResult> ResumeToEndAsync(SagaId id)
    {
        var found = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Func<SagaLogEntry, Task>? before = Store.AfterWrite;
        Store.AfterWrite = async entry =>
        {
            await (before?.Invoke(entry) ?? Task.CompletedTask);
            if (entry.SagaId == id && entry.NewState is not (null or SagaState.Running or SagaState.Unwinding))
            {
                await found.Task;
            }
        };
        (await ResumeAsync(id)).Should().Be(ResumeOutcome.Resumed.Instance);
        SagaHandle handle = Client.Find(id)!;
        found.SetResult();
        SagaResult result = await handle.Completion.Soon();
        Store.AfterWrite = before;
        return result;
    }

    public List<StartMessage> ReadInbox()
    {
        List<StartMessage> messages = [];
        while (Inbox.TryRead(out StartMessage message))
        {
            messages.Add(message);
        }

        return messages;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync(new CancellationToken(canceled: true));
        Executor.Dispose();
        Coordinator.Dispose();
    }
}

internal sealed class LogLines : ILogger<DurableExecutor>
{
    private readonly List<(int Id, string Text)> _lines = [];

    public int Count(int eventId)
    {
        lock (_lines)
        {
            return _lines.Count(line => line.Id == eventId);
        }
    }

    public string Text(int eventId)
    {
        lock (_lines)
        {
            return _lines.Find(line => line.Id == eventId).Text;
        }
    }

    public IDisposable? BeginScope<TState>(TState state)
        where TState : notnull => null;

    public bool IsEnabled(LogLevel logLevel) => true;

    public void Log<TState>(
        LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
    {
        lock (_lines)
        {
            _lines.Add((eventId.Id, formatter(state, exception)));
        }
    }
}

internal static class Waiting
{
    private static readonly TimeSpan Generous = TimeSpan.FromSeconds(30);

    public static Task Soon(this Task task) => task.WaitAsync(Generous);

    public static Task<T> Soon<T>(this Task<T> task) => task.WaitAsync(Generous);
}

/// <summary>A gate that a test opens, and that counts arrivals.</summary>
internal sealed class Gate
{
    private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Channel<bool> _arrivals = Channel.CreateUnbounded<bool>();

    public void Open() => _open.TrySetResult();

    public Task ArrivalAsync() => _arrivals.Reader.ReadAsync().AsTask().Soon();

    public Task PassAsync(CancellationToken cancellationToken = default)
    {
        _arrivals.Writer.TryWrite(true);
        return _open.Task.WaitAsync(cancellationToken);
    }
}
