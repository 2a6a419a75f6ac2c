using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>
/// The executor under test, in a host with recovery and an in-memory store. The clock does not advance, so recovery makes a pass only
/// when a rule requests one.
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
        builder.Services.AddSingleton<TimeProvider>(new FakeTimeProvider());
        builder.Services.AddSingleton(Store);
        SagaRecoveryBuilder recovery = builder.Services
            .AddSagaRecovery(options => options.CoordinatorId = StoreTrial.NewCoordinator())
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

    /// <summary>Starts the host and waits for the join and the first pass, which therefore does not recover sagas inserted later.</summary>
    public async Task<Membership> StartAsync()
    {
        await _host.StartAsync().ConfigureAwait(false);
        await PassAsync().ConfigureAwait(false);
        return await WithinTimeoutAsync(Coordinator.JoinedAsync(CancellationToken.None), "the host joins as a coordinator").ConfigureAwait(false);
    }

    /// <summary>Inserts a saga of the subject without running it.</summary>
    public async Task<SagaId> InsertAsync(Membership member)
    {
        SagaId sagaId = StoreTrial.NewId();
        await Store.CreateAsync(member, _subject.CreateSaga(sagaId, _host.Services), CancellationToken.None).ConfigureAwait(false);
        return sagaId;
    }

    /// <summary>Removes the owner of a saga and reassigns the saga back to it.</summary>
    /// <returns>The new generation.</returns>
    public AdoptGeneration ReassignAwayAndBack(SagaId sagaId)
    {
        Store.Reassign(sagaId, to: null);
        return Store.Reassign(sagaId, Coordinator.Id);
    }

    /// <summary>Resumes a saga with its current row and log.</summary>
    public Task<ResumeOutcome> ResumeAsync(Membership member, SagaId sagaId) => ResumeAsync(member, Store.Get(sagaId).ToSavedSaga());

    public Task<ResumeOutcome> ResumeAsync(Membership member, SavedSaga saga) => WithinTimeoutAsync(
        Executor.ResumeAsync(saga, member.Of(saga.Generation), CancellationToken.None).AsTask(), "ResumeAsync returns");

    public async Task ExpectResumedAsync(Membership member, SagaId sagaId) => Expect.Equal<ResumeOutcome>(
        await ResumeAsync(member, sagaId).ConfigureAwait(false), ResumeOutcome.Resumed.Instance, "the outcome of resuming a saga that is not running");

    /// <summary>Inserts a saga, resumes it, and waits until it is in its first step.</summary>
    public async Task<(SagaId Saga, HeldStep Step)> RunToFirstStepAsync(Membership member)
    {
        SagaId sagaId = await InsertAsync(member).ConfigureAwait(false);
        await ExpectResumedAsync(member, sagaId).ConfigureAwait(false);
        return (sagaId, await NextStepAsync("a resumed saga starts its first step").ConfigureAwait(false));
    }

    public Task<RelinquishOutcome> RelinquishAsync(SagaId sagaId, AdoptGeneration upTo) => WithinTimeoutAsync(
        Executor.RelinquishAsync(sagaId, upTo, CancellationToken.None).AsTask(), "RelinquishAsync returns");

    public async Task ExpectNotRunningAsync(SagaId sagaId, AdoptGeneration upTo, string of) =>
        Expect.Equal(await RelinquishAsync(sagaId, upTo).ConfigureAwait(false), RelinquishOutcome.NotRunning, of);

    public Task<HeldStep> NextStepAsync(string expected) => WithinTimeoutAsync(Steps.WaitForNextAsync(), expected);

    /// <summary>Waits until the log has accepted a saga's final write.</summary>
    public Task WaitForEndAsync(SagaId sagaId) => WithinTimeoutAsync(
        Log.WaitForAsync(write => write.Entry.SagaId == sagaId && write.Accepted && WatchedLog.EndsSaga(write.Entry)), "the saga ends");

    /// <summary>Requests a recovery pass. An explicit pass also retries sagas that are backing off.</summary>
    public Task<PassReport> PassAsync() => WithinTimeoutAsync(
        _host.Services.GetRequiredService<SagaRecoveryTrigger>().ActivateAsync(), "recovery makes a pass");

    public async Task<T> WithinTimeoutAsync<T>(Task<T> task, string expected)
    {
        await WithinTimeoutAsync((Task)task, expected).ConfigureAwait(false);
        return await task.ConfigureAwait(false);
    }

    public async Task WithinTimeoutAsync(Task task, string expected)
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

    /// <summary>Releases all steps and stops the host, after which the executor has no work in flight and the step count is final.</summary>
    public async Task StopAsync()
    {
        if (!_stopped)
        {
            _stopped = true;
            Steps.ReleaseAll();
            Log.ReleaseResults();
            using var timeout = new CancellationTokenSource(_subject.WaitTimeout);
            await _host.StopAsync(timeout.Token).ConfigureAwait(false);
        }
    }

    public void BreakRun(SagaId sagaId) => _subject.BreakRun(sagaId);

    public async ValueTask DisposeAsync()
    {
        await StopAsync().ConfigureAwait(false);
        _host.Dispose();
    }
}
