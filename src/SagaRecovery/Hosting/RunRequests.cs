using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Hosting;

/// <summary>
/// Sends the executor what a pass requests of runs: to relinquish sagas, to cancel sagas, to stop runs. The requests are sent side by side and
/// share one time-out. An executor that does not answer delays a pass by that time, and a shutdown or a fence not at all.
/// </summary>
/// <remarks>
/// The next pass repeats a request without an answer, after those that were not sent or sent longer ago, so that a saga that does not answer
/// keeps no other one waiting.
/// One pass at a time uses this class.
/// </remarks>
internal sealed class RunRequests(
    ISagaExecutor executor, SagaTracker tracker, SagaCoordinator coordinator, IOptions<SagaRecoveryOptions> options, TimeProvider time, ILogger<SagaRecoveryService> logger)
{
    private readonly int _maxConcurrency = options.Value.MaxConcurrency;
    private readonly TimeSpan _timeout = options.Value.ResumeTimeout;
    private Dictionary<SagaId, long> _unanswered = []; // with the number of the pass that sent the last request
    private long _passes;

    /// <summary>The function that starts a worker. It uses the thread pool by default; a test may run all workers on one thread.</summary>
    public Func<Func<Task>, Task> BeginWorker { get; init; } = Task.Run;

    private enum RequestKind
    {
        /// <summary>The saga is no longer listed: finished, or owned by another coordinator.</summary>
        RelinquishUnlisted,

        /// <summary>The saga is listed at a newer generation than its run, and not resumed.</summary>
        RelinquishOutdated,

        Cancel,

        Suspend,
    }

    /// <summary>Sends all requests of a pass, and records the answers.</summary>
    /// <param name="plan">The plan, with the sagas to relinquish.</param>
    /// <param name="outcome">The outcome, which receives the answers.</param>
    /// <param name="controls">The controls, with the cancellations and the holds that stop a run.</param>
    /// <param name="stopping">Signals that shutdown has begun: no answer is awaited any more.</param>
    public async Task SendAsync(RecoveryPlan plan, PassOutcome outcome, RecoveryControls controls, CancellationToken stopping)
    {
        _passes++;
        Request[] requests = [.. RequestsOf(plan, controls).OrderBy(request => _unanswered.GetValueOrDefault(request.SagaId))]; // keeps the order of equals
        var answers = new Answer?[requests.Length];
        int sent = requests.Length == 0 ? 0 : await SendAllAsync(requests, answers, stopping).ConfigureAwait(false);
        List<(Request Request, Exception? Error)> failed = [];
        Dictionary<SagaId, long> unanswered = [];
        for (int i = 0; i < requests.Length; i++)
        {
            Answer? answer = Volatile.Read(ref answers[i]); // read once: an answer that comes later is ignored, and its request is repeated
            if (answer is { Error: null })
            {
                Record(requests[i], answer.Outcome, outcome);
            }
            else
            {
                failed.Add((requests[i], answer?.Error));
                unanswered[requests[i].SagaId] = i < sent ? _passes : _unanswered.GetValueOrDefault(requests[i].SagaId);
            }
        }

        _unanswered = unanswered;
        if (!stopping.IsCancellationRequested && !coordinator.Fenced.IsCancellationRequested)
        {
            ReportFailed(failed, requests);
        }
    }

    /// <summary>Returns all requests. A saga that waits for a slot does not run: it is loaded with its cancellation when its turn comes.</summary>
    private IEnumerable<Request> RequestsOf(RecoveryPlan plan, RecoveryControls controls)
    {
        IEnumerable<Request> unlisted = plan.NoLongerListed.Select(saga => new Request(RequestKind.RelinquishUnlisted, saga.SagaId, saga.Generation));
        IEnumerable<Request> outdated = plan.Outdated.Select(saga => new Request(RequestKind.RelinquishOutdated, saga.Candidate.SagaId, saga.Previous));
        IEnumerable<Request> cancelled = controls.Cancelled.Where(saga => !tracker.WaitsForSlot(saga.SagaId)).Select(saga => new Request(RequestKind.Cancel, saga.SagaId, default, saga.Cancellation));
        IEnumerable<Request> held = controls.Held.Where(saga => saga.StopsRun).Select(saga => new Request(RequestKind.Suspend, saga.SagaId, default));
        return unlisted.Concat(outdated).Concat(cancelled).Concat(held);
    }

    /// <summary>Sends the requests until each has an answer, the time is up, or the process is stopping or fenced.</summary>
    /// <returns>The number of requests that were sent: the first ones.</returns>
    private async Task<int> SendAllAsync(Request[] requests, Answer?[] answers, CancellationToken stopping)
    {
        using var timeout = new CancellationTokenSource(_timeout, time);
        using var shutdown = new DetachedCancellation(stopping); // a callback of the executor must delay neither the shutdown nor the fence
        using var fenced = new DetachedCancellation(coordinator.Fenced);
        using var linked = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, shutdown.Token, fenced.Token);
        CancellationToken over = linked.Token;
        int last = -1;
        Task workers = Task.WhenAll(Enumerable.Range(0, Math.Min(_maxConcurrency, requests.Length)).Select(_ => BeginWorker(WorkAsync)));
        await workers.WaitAsync(over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing); // a worker whose call blocks its thread is left alone
        return Math.Min(Volatile.Read(ref last) + 1, requests.Length);

        async Task WorkAsync()
        {
            while (!over.IsCancellationRequested && Interlocked.Increment(ref last) is var next && next < requests.Length)
            {
                Answer answer = await SendAsync(requests[next], over).ConfigureAwait(false);
                Volatile.Write(ref answers[next], answer);
            }
        }
    }

    private async Task<Answer> SendAsync(Request request, CancellationToken over)
    {
        try
        {
            ValueTask<RelinquishOutcome> call = CallAsync(request, over);
            RelinquishOutcome outcome = call.IsCompletedSuccessfully
                ? await call.ConfigureAwait(false)
                : await call.AsTask().WaitAsync(over).ConfigureAwait(false); // even if the executor ignores its token
            return outcome == RelinquishOutcome.Relinquished ? Answer.Relinquished : Answer.NotRunning;
        }
        catch (Exception exception) // the executor is user code; the saga stays tracked, and the next pass tries again
        {
            return new Answer(default, exception);
        }
    }

    private async ValueTask<RelinquishOutcome> CallAsync(Request request, CancellationToken over)
    {
        switch (request.Kind)
        {
            case RequestKind.Cancel:
                await executor.CancelAsync(request.SagaId, request.Cancellation!, over).ConfigureAwait(false);
                return RelinquishOutcome.NotRunning;
            case RequestKind.Suspend:
                await executor.SuspendAsync(request.SagaId, over).ConfigureAwait(false);
                return RelinquishOutcome.NotRunning;
            default:
                return await executor.RelinquishAsync(request.SagaId, request.UpTo, over).ConfigureAwait(false);
        }
    }

    private void Record(Request request, RelinquishOutcome answer, PassOutcome outcome)
    {
        if (!request.IsRelinquish)
        {
            return;
        }

        outcome.RecordUnlisted(request.SagaId, answer);
        if (request.Kind == RequestKind.RelinquishOutdated || outcome.IsLost(request.SagaId))
        {
            return; // logged where it was found
        }

        Log.Finished(logger, request.SagaId);
        if (answer == RelinquishOutcome.Relinquished)
        {
            Log.StoppedNotOwned(logger, request.SagaId);
        }
    }

    /// <summary>Logs one line for the relinquishments that failed, and one for the other requests.</summary>
    private void ReportFailed(List<(Request Request, Exception? Error)> failed, Request[] requests)
    {
        foreach (var kind in failed.GroupBy(failure => failure.Request.IsRelinquish))
        {
            ((Request request, Exception? error), int count) = (kind.First(), kind.Count());
            Exception cause = error is null or OperationCanceledException ? NoAnswer() : error;
            int sent = requests.Count(other => other.IsRelinquish == kind.Key);
            switch (kind.Key, count)
            {
                case (true, 1):
                    Log.RelinquishFailed(logger, request.SagaId, cause);
                    break;
                case (true, _):
                    Log.RelinquishesFailed(logger, count, sent, request.SagaId, ErrorText.Of(cause));
                    break;
                case (false, 1):
                    Log.RequestFailed(logger, request.SagaId, cause);
                    break;
                default:
                    Log.RequestsFailed(logger, count, sent, request.SagaId, ErrorText.Of(cause));
                    break;
            }
        }
    }

    private TimeoutException NoAnswer() => new(
        $"The executor did not answer within {_timeout} ({SagaRecoveryOptions.SectionName}:{nameof(SagaRecoveryOptions.ResumeTimeout)})");

    /// <summary>One call of the executor.</summary>
    private readonly record struct Request(RequestKind Kind, SagaId SagaId, AdoptGeneration UpTo, SagaCancellation? Cancellation = null)
    {
        public bool IsRelinquish => Kind is RequestKind.RelinquishUnlisted or RequestKind.RelinquishOutdated;
    }

    /// <summary>The answer to a request; an exception if it failed.</summary>
    private sealed record Answer(RelinquishOutcome Outcome, Exception? Error)
    {
        public static Answer NotRunning { get; } = new(RelinquishOutcome.NotRunning, Error: null);

        public static Answer Relinquished { get; } = new(RelinquishOutcome.Relinquished, Error: null);
    }
}
