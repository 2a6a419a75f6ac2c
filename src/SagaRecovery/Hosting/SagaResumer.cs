using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>Calls the executor on behalf of recovery and classifies its answers. The failure of one saga does not affect another.</summary>
internal sealed class SagaResumer(
    ISagaExecutor executor,
    ISagaStore store,
    RunnableDefinitions runnable,
    SagaCoordinator coordinator,
    SagaRecoveryStatus status,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    private readonly SagaRecoveryOptions _options = options.Value;

    /// <summary>
    /// Returns the numbers of sagas that the executor takes now; null for no limit. While this process drains, an executor with a limit takes
    /// none: what waits for a slot is reassigned.
    /// </summary>
    public ExecutorCapacity? GetCapacity()
    {
        try
        {
            return executor.GetCapacity() is not { } capacity ? null : status.Current.Drain is { Phase: DrainPhase.WaitingForRuns or DrainPhase.Reassigning } ? ExecutorCapacity.None : capacity;
        }
        catch (Exception exception) // the executor is user code
        {
            Log.CapacityUnknown(logger, exception);
            return ExecutorCapacity.None;
        }
    }

    /// <summary>Resumes one saga and classifies the answer.</summary>
    /// <param name="member">The membership that owns the saga.</param>
    /// <param name="candidate">The saga as it was listed.</param>
    /// <param name="loaded">The saga as it was loaded.</param>
    /// <param name="older">The older generation at which this process may still run the saga, or null.</param>
    /// <param name="abort">Cancels the call.</param>
    public async ValueTask<ResumeResult> ResumeAsync(
        Membership member, Candidate candidate, LoadedSaga loaded, AdoptGeneration? older, CancellationToken abort)
    {
        using Activity? span = PassSpan.BeginResume(candidate);
        ResumeResult result = await TryResumeAsync(member, candidate, loaded, older, abort).ConfigureAwait(false);
        PassSpan.Report(span, result);
        return result;
    }

    private async ValueTask<ResumeResult> TryResumeAsync(
        Membership member, Candidate candidate, LoadedSaga loaded, AdoptGeneration? older, CancellationToken abort)
    {
        try
        {
            switch (loaded)
            {
                case LoadedSaga.Present present:
                    ResumeOutcome answer = await CallExecutorAsync(member, present.Saga, older, abort).ConfigureAwait(false);
                    return await ClassifyAsync(member, candidate, present.Saga, answer, abort).ConfigureAwait(false);
                case LoadedSaga.Unreadable unreadable:
                    Log.FailedToRecover(logger, candidate.SagaId, candidate.Name, unreadable.Error);
                    return new ResumeResult.Failed(unreadable.Error);
                default:
                    Log.Superseded(logger, candidate.SagaId);
                    return ResumeResult.Superseded.Instance;
            }
        }
        catch (Exception exception) // the executor is user code: its exception concerns this saga alone, and may be transient
        {
            if (exception is CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
            }

            string error = ErrorText.Of(exception);
            Log.FailedToRecover(logger, candidate.SagaId, candidate.Name, error);
            Log.FailedToRecoverDetails(logger, candidate.SagaId, exception); // at Debug: the trace of user code may hold anything
            return new ResumeResult.Failed(error);
        }
    }

    private async ValueTask<ResumeOutcome> CallExecutorAsync(Membership member, SavedSaga saga, AdoptGeneration? older, CancellationToken abort)
    {
        if (older is { } upTo)
        {
            // The older run is fenced, and what it wrote is loaded. It must not run actions at the same time.
            await WithTimeoutAsync(token => executor.RelinquishAsync(saga.Id, upTo, token), abort).ConfigureAwait(false);
            status.Loop.Record();
        }

        return await WithTimeoutAsync(token => executor.ResumeAsync(saga, member.Of(saga.Generation), token), abort).ConfigureAwait(false);
    }

    private async ValueTask<ResumeResult> ClassifyAsync(
        Membership member, Candidate candidate, SavedSaga saga, ResumeOutcome answer, CancellationToken abort)
    {
        switch (answer)
        {
            case ResumeOutcome.Resumed:
                Log.Recovered(logger, candidate.SagaId, candidate.Name);
                return ResumeResult.Recovered.Instance;
            case ResumeOutcome.AlreadyRunning:
                Log.AlreadyInExecutor(logger, candidate.SagaId);
                return ResumeResult.AlreadyRunning.Instance;
            case ResumeOutcome.UnknownDefinition unknownDefinition:
                string missing = ErrorText.Plain(unknownDefinition.Missing);
                runnable.NoteVersion(saga.Definition);
                Log.UnknownDefinition(logger, candidate.SagaId, candidate.Name, missing);
                return new ResumeResult.UnknownDefinition(missing);
            case ResumeOutcome.Unrecoverable unrecoverable:
                return await AbandonAsync(member, candidate, ErrorText.Plain(unrecoverable.Reason), abort).ConfigureAwait(false);
            default:
                throw new InvalidOperationException($"The executor answered {answer?.GetType().Name ?? "null"}, which is not a known {nameof(ResumeOutcome)}.");
        }
    }

    private async ValueTask<ResumeResult> AbandonAsync(Membership member, Candidate candidate, string reason, CancellationToken abort)
    {
        if (!_options.AbandonUnrecoverable)
        {
            string error = $"unrecoverable: {reason} (not abandoned: {SagaRecoveryOptions.SectionName}:{nameof(_options.AbandonUnrecoverable)} is off)";
            Log.FailedToRecover(logger, candidate.SagaId, candidate.Name, error);
            return new ResumeResult.Failed(error);
        }

        var abandonment = new Abandonment("unrecoverable", reason);
        if (!await store.AbandonAsync(candidate.SagaId, member.Of(candidate.Generation), abandonment, abort).ConfigureAwait(false))
        {
            Log.Superseded(logger, candidate.SagaId);
            return ResumeResult.Superseded.Instance;
        }

        Log.Abandoned(logger, candidate.SagaId, candidate.Name, reason);
        return new ResumeResult.Abandoned(reason);
    }

    /// <summary>Calls the executor and waits no longer than the time-out, even if the executor ignores its token.</summary>
    private async ValueTask<T> WithTimeoutAsync<T>(Func<CancellationToken, ValueTask<T>> call, CancellationToken abort)
    {
        using var timeoutOrAbort = new CancellationTokenSource(_options.ResumeTimeout, time);
        using CancellationTokenRegistration aborted = abort.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), timeoutOrAbort);
        ValueTask<T> answer = call(timeoutOrAbort.Token);
        if (answer.IsCompletedSuccessfully)
        {
            return await answer.ConfigureAwait(false);
        }

        try
        {
            return await answer.AsTask().WaitAsync(timeoutOrAbort.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (timeoutOrAbort.IsCancellationRequested && !abort.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"The executor did not answer within {_options.ResumeTimeout} ({SagaRecoveryOptions.SectionName}:{nameof(_options.ResumeTimeout)})",
                exception);
        }
    }
}
