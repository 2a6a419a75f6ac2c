using System.Diagnostics;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>Everything that recovery tells the executor, and what its answers count as. One saga's failure is that saga's alone.</summary>
internal sealed class SagaResumer(
    ISagaExecutor executor,
    ISagaStore store,
    SagaCoordinator coordinator,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    private readonly SagaRecoveryOptions _options = options.Value;

    /// <summary>Tells the executor of every saga that is finished or no longer ours.</summary>
    public async Task RelinquishUnlistedAsync(RecoveryPlan plan, PassOutcome outcome, CancellationToken abort)
    {
        foreach (UnlistedSaga gone in plan.NoLongerListed)
        {
            try
            {
                RelinquishOutcome answer = await Within(token => executor.RelinquishAsync(gone.SagaId, gone.Generation, token), abort)
                    .ConfigureAwait(false);
                outcome.RecordUnlisted(gone.SagaId, answer);
                if (outcome.IsLost(gone.SagaId))
                {
                    continue; // its own log line named it
                }

                Log.Finished(logger, gone.SagaId);
                if (answer == RelinquishOutcome.Relinquished)
                {
                    Log.StoppedNotOwned(logger, gone.SagaId);
                }
            }
            catch (Exception exception) when (!abort.IsCancellationRequested) // it stays tracked, and is told of again by the next pass
            {
                Log.RelinquishFailed(logger, gone.SagaId, exception);
            }
        }
    }

    /// <summary>Hands one saga over.</summary>
    /// <param name="member">Who owns it.</param>
    /// <param name="candidate">The saga as it was listed.</param>
    /// <param name="loaded">The saga as it was loaded.</param>
    /// <param name="older">The generation at which this process may still run it; null: it does not run it.</param>
    /// <param name="abort">Gives up.</param>
    public async ValueTask<ResumeResult> RunAsync(
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
                    ResumeOutcome answer = await ResumeAsync(member, present.Saga, older, abort).ConfigureAwait(false);
                    return await AccountAsync(member, candidate, answer, abort).ConfigureAwait(false);
                case LoadedSaga.Unreadable unreadable:
                    Log.FailedToRecover(logger, candidate.SagaId, candidate.Name, unreadable.Error);
                    return new ResumeResult.Failed(unreadable.Error);
                default:
                    Log.Superseded(logger, candidate.SagaId);
                    return ResumeResult.Superseded.Instance;
            }
        }
        catch (Exception exception) // the executor is not ours: whatever it throws concerns this saga alone, and may pass
        {
            if (exception is CoordinatorFencedException fenced)
            {
                coordinator.ReportFenced(fenced);
            }

            string error = ErrorText.Of(exception);
            Log.FailedToRecover(logger, candidate.SagaId, candidate.Name, error);
            Log.FailedToRecoverDetails(logger, candidate.SagaId, exception); // the trace for who asks; it may hold anything
            return new ResumeResult.Failed(error);
        }
    }

    private async ValueTask<ResumeOutcome> ResumeAsync(Membership member, SavedSaga saga, AdoptGeneration? older, CancellationToken abort)
    {
        if (older is { } upTo)
        {
            // The older run cannot write any more, and what it wrote was loaded; but it must not act beside the new one either.
            await Within(token => executor.RelinquishAsync(saga.Id, upTo, token), abort).ConfigureAwait(false);
        }

        return await Within(token => executor.ResumeAsync(saga, member.Of(saga.Generation), token), abort).ConfigureAwait(false);
    }

    private async ValueTask<ResumeResult> AccountAsync(
        Membership member, Candidate candidate, ResumeOutcome answer, CancellationToken abort)
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
                Log.UnknownDefinition(logger, candidate.SagaId, candidate.Name, missing);
                return new ResumeResult.UnknownDefinition(missing);
            case ResumeOutcome.Unrecoverable unrecoverable:
                return await AbandonAsync(member, candidate, ErrorText.Plain(unrecoverable.Reason), abort).ConfigureAwait(false);
            default:
                throw new InvalidOperationException($"The executor answered {answer?.GetType().Name ?? "null"}, which is no {nameof(ResumeOutcome)}.");
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

    /// <summary>Asks the executor, but waits no longer than the time-out, even where it ignores its token.</summary>
    private async ValueTask<T> Within<T>(Func<CancellationToken, ValueTask<T>> ask, CancellationToken abort)
    {
        using var either = new CancellationTokenSource(_options.ResumeTimeout, time);
        using CancellationTokenRegistration aborted = abort.UnsafeRegister(static source => ((CancellationTokenSource)source!).Cancel(), either);
        ValueTask<T> answer = ask(either.Token);
        if (answer.IsCompletedSuccessfully)
        {
            return await answer.ConfigureAwait(false);
        }

        try
        {
            return await answer.AsTask().WaitAsync(either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException exception) when (either.IsCancellationRequested && !abort.IsCancellationRequested)
        {
            throw new TimeoutException(
                $"The executor did not answer within {_options.ResumeTimeout} ({SagaRecoveryOptions.SectionName}:{nameof(_options.ResumeTimeout)})",
                exception);
        }
    }
}
