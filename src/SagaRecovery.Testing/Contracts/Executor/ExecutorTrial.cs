using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// An executor on trial: a host with recovery, the executor and a store in memory, and what the rules do with it. The clock stands
/// still, so that recovery makes a pass only when a rule asks for one.
/// </summary>
internal sealed class ExecutorTrial : IAsyncDisposable
{
    private readonly SagaExecutorSubject _subject;
    private readonly IHost _host;
    private bool _stopped;

    public ExecutorTrial(SagaExecutorSubject subject)
    {
        _subject = subject;
        Log = new WatchedLog(Store);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<TimeProvider>(new ManualTimeProvider());
        builder.Services.AddSingleton(Store);
        SagaRecoveryBuilder recovery = builder.Services
            .AddSagaRecovery(options => options.CoordinatorId = StoreTrial.NewCoordinator().Value)
            .UseStore<InMemorySagaStore>();
        builder.Services.Replace(ServiceDescriptor.Singleton<ISagaLog>(Log));
        subject.AddExecutor(recovery);
        _host = builder.Build();
    }

    public InMemorySagaStore Store { get; } = new();

    public WatchedLog Log { get; }

    public SagaSteps Steps => _subject.Steps;

    public SagaCoordinator Coordinator => _host.Services.GetRequiredService<SagaCoordinator>();

    private ISagaExecutor Executor => _host.Services.GetRequiredService<ISagaExecutor>();

    /// <summary>
    /// Starts the host, and waits until it has joined and the pass of the start is over: what is inserted then, it does not find.
    /// </summary>
    public async Task<Membership> StartAsync()
    {
        await _host.StartAsync().ConfigureAwait(false);
        await PassAsync().ConfigureAwait(false);
        return await Soon(Coordinator.JoinedAsync(CancellationToken.None), "the host joins as a coordinator").ConfigureAwait(false);
    }

    /// <summary>Inserts a saga of the subject's kind, which nobody runs.</summary>
    public async Task<SagaId> InsertAsync(Membership member)
    {
        SagaId sagaId = StoreTrial.NewId();
        await Store.CreateAsync(member, _subject.CreateSaga(sagaId, _host.Services), CancellationToken.None).ConfigureAwait(false);
        return sagaId;
    }

    /// <summary>Gives a saga away and back, as when its owner was thought dead.</summary>
    /// <returns>Its new generation.</returns>
    public AdoptGeneration LeaveAndComeBack(SagaId sagaId)
    {
        Store.Reassign(sagaId, to: null);
        return Store.Reassign(sagaId, Coordinator.Id);
    }

    /// <summary>Hands a saga over as it stands in the store.</summary>
    public Task<ResumeOutcome> ResumeAsync(Membership member, SagaId sagaId) => ResumeAsync(member, Store.Get(sagaId).ToSavedSaga());

    public Task<ResumeOutcome> ResumeAsync(Membership member, SavedSaga saga) => Soon(
        Executor.ResumeAsync(saga, member.Of(saga.Generation), CancellationToken.None).AsTask(), "the executor answers to a hand-over");

    public async Task ExpectResumedAsync(Membership member, SagaId sagaId) => Expect.Equal<ResumeOutcome>(
        await ResumeAsync(member, sagaId).ConfigureAwait(false), ResumeOutcome.Resumed.Instance, "the answer to handing over a saga that is not running");

    /// <summary>Inserts a saga, hands it over, and waits until it is in its first step.</summary>
    public async Task<(SagaId Saga, HeldStep Step)> RunToFirstStepAsync(Membership member)
    {
        SagaId sagaId = await InsertAsync(member).ConfigureAwait(false);
        await ExpectResumedAsync(member, sagaId).ConfigureAwait(false);
        return (sagaId, await NextStepAsync("a saga that was taken on begins its first step").ConfigureAwait(false));
    }

    public Task<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo) => Soon(
        Executor.RelinquishAsync(sagaId, upTo, CancellationToken.None).AsTask(), "the executor answers when a saga is taken away");

    public async Task ExpectNotRunningAsync(SagaId sagaId, AdoptGeneration upTo, string of) =>
        Expect.Equal(await RelinquishAsync(sagaId, upTo).ConfigureAwait(false), RelinquishOutcome.NotRunning, of);

    public Task<HeldStep> NextStepAsync(string expected) => Soon(Steps.NextAsync(), expected);

    /// <summary>Waits until a saga's last write has been taken.</summary>
    public Task EndedAsync(SagaId sagaId) => Soon(
        Log.SeenAsync(write => write.Entry.SagaId == sagaId && write.Taken && WatchedLog.IsLast(write.Entry)), "the saga comes to its end");

    /// <summary>A recovery pass, asked for by hand: what is backing off is due in it.</summary>
    public Task<PassReport> PassAsync() => Soon(
        _host.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(), "recovery makes a pass");

    public async Task<T> Soon<T>(Task<T> task, string expected)
    {
        await Soon((Task)task, expected).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    public async Task Soon(Task task, string expected)
    {
        try
        {
            await task.WaitAsync(_subject.WaitTimeout).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new BrokenRuleException(expected, $"not within {_subject.WaitTimeout.TotalSeconds} s");
        }
    }

    /// <summary>
    /// Lets all steps go and stops the host: what an executor still does about its sagas is over then. Steps begun so far can be counted.
    /// </summary>
    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            Steps.Open();
            Log.LetAnswersGo();
            using var patience = new CancellationTokenSource(_subject.WaitTimeout);
            await _host.StopAsync(patience.Token).ConfigureAwait(false);
        }
    }

    public void BreakRun(SagaId sagaId) => _subject.BreakRun(sagaId);

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _host.Dispose();
    }
}
