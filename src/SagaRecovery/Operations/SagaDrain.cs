using Microsoft.Extensions.Logging;
using SagaRecovery.Activation;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Operations;

/// <summary>Drains this process, as before an update.</summary>
/// <remarks>
/// A drain starts no new sagas, waits for a limited time until running sagas have finished, and reassigns the rest to the other
/// coordinators. Only a restart of the process ends it. A singleton; thread-safe.
/// </remarks>
public sealed class SagaDrain
{
    private static readonly TimeSpan PollInterval = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan FailedPassDelay = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly ISagaCluster _cluster;
    private readonly ISagaOperations _operations;
    private readonly ISagaExecutor _executor;
    private readonly SagaStarts _starts;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaRecoveryStatus _status;
    private readonly RecoveryWakeups _wakeups;
    private readonly SteadyTimeProvider _time;
    private readonly ILogger<SagaDrain> _logger;
    private Task? _runsEnded;
    private Task<DrainReport>? _ended;
    private DrainReport? _report;

    internal SagaDrain(
        ISagaCluster cluster,
        ISagaOperations operations,
        ISagaExecutor executor,
        SagaStarts starts,
        SagaCoordinator coordinator,
        SagaRecoveryStatus status,
        RecoveryWakeups wakeups,
        SteadyTimeProvider time,
        ILogger<SagaDrain> logger)
    {
        _cluster = cluster;
        _operations = operations;
        _executor = executor;
        _starts = starts;
        _coordinator = coordinator;
        _status = status;
        _wakeups = wakeups;
        _time = time;
        _logger = logger;
        coordinator.Rejoined += (_, _) => DrainAgain();
    }

    /// <summary>Begins to drain this process and returns at once.</summary>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="gracePeriod">The time that running sagas have to finish.</param>
    /// <returns>The progress so far. <see cref="SagaRecoveryStatus"/> reports it from then on.</returns>
    /// <exception cref="CoordinatorFencedException">This process is fenced and runs no sagas.</exception>
    /// <remarks>
    /// The process continues to serve everything else. A repeated call joins the drain under way. After the drain has ended, a repeated call
    /// reassigns again what the process owns by then.
    /// </remarks>
    public DrainReport Begin(OperatorNote note, TimeSpan gracePeriod)
    {
        _coordinator.ThrowIfFenced();
        lock (_lock)
        {
            Task runsEnded = BeginWaitingForRuns(note, gracePeriod);
            if (_ended is null or { IsCompleted: true })
            {
                BeginReassigning(runsEnded, note);
            }

            return _report!;
        }
    }

    /// <summary>Drains this process and waits until the drain has ended.</summary>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="gracePeriod">The time that running sagas have to finish.</param>
    /// <param name="cancellationToken">Cancels the wait. The drain continues.</param>
    /// <returns>The result. After <see cref="DrainPhase.Drained"/> this process owns and runs no sagas.</returns>
    /// <exception cref="CoordinatorFencedException">This process is fenced and runs no sagas.</exception>
    /// <remarks>A repeated call acts like a repeated call of <see cref="Begin"/>.</remarks>
    public Task<DrainReport> DrainAsync(OperatorNote note, TimeSpan gracePeriod, CancellationToken cancellationToken = default)
    {
        Begin(note, gracePeriod);
        return _ended!.WaitAsync(cancellationToken);
    }

    /// <summary>Refuses new starts and waits, for a limited time, until the runs have ended. For a host that is stopping.</summary>
    internal async Task WaitForRunsAsync(OperatorNote note, TimeSpan gracePeriod, CancellationToken cancellationToken)
    {
        Task runsEnded;
        lock (_lock)
        {
            runsEnded = BeginWaitingForRuns(note, gracePeriod);
        }

        await runsEnded.WaitAsync(gracePeriod, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Reassigns the unfinished sagas. For a host that has stopped and runs no sagas.</summary>
    internal Task<DrainReport> ReassignRestAsync(CancellationToken cancellationToken) => ReassignRestAsync(() => Task.CompletedTask, cancellationToken);

    private Task BeginWaitingForRuns(OperatorNote note, TimeSpan gracePeriod)
    {
        if (_runsEnded is null)
        {
            _starts.Close("draining");
            _report = new DrainReport(_time.Now, note, DrainPhase.WaitingForRuns, Reassigned: 0, Left: 0);
            _status.Update(_report);
            Log.Draining(_logger, PlainText.OneLine(note.Actor), PlainText.OneLine(note.Reason), gracePeriod);
            _runsEnded = Task.Run(() => WaitForRunsToEndAsync(note, gracePeriod), CancellationToken.None);
        }

        return _runsEnded;
    }

    private void BeginReassigning(Task runsEnded, OperatorNote note)
    {
        Publish(report => report with { Note = note, Phase = runsEnded.IsCompleted ? DrainPhase.Reassigning : DrainPhase.WaitingForRuns });
        _ended = Task.Run(() => EndAsync(runsEnded), CancellationToken.None);
    }

    private async Task WaitForRunsToEndAsync(OperatorNote note, TimeSpan gracePeriod)
    {
        if (_coordinator.Member is { } member)
        {
            await TryAsync(() => BeginDrainAsync(member, note, CancellationToken.None)).ConfigureAwait(false);
        }

        using var timedOut = new CancellationTokenSource(gracePeriod, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timedOut.Token, _coordinator.Fenced);
        await WaitUntilNothingRunsAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>Drains again after the process has joined again.</summary>
    /// <remarks>
    /// The database was failed over, restored or restarted, and may have lost the drain. Sagas may have been assigned to this process since,
    /// or may be back.
    /// </remarks>
    private void DrainAgain()
    {
        lock (_lock)
        {
            if (_ended is { IsCompleted: true })
            {
                BeginReassigning(_runsEnded!, _report!.Note);
            }
            else if (_ended is not null && _coordinator.Member is { } member)
            {
                OperatorNote note = _report!.Note;
                _ = Task.Run(() => TryAsync(() => BeginDrainAsync(member, note, CancellationToken.None)), CancellationToken.None);
            }
        }
    }

    /// <returns>The membership for which the drain is recorded.</returns>
    private async Task<Membership> BeginDrainAsync(Membership member, OperatorNote note, CancellationToken cancellationToken)
    {
        try
        {
            await _cluster.BeginDrainAsync(member, note, cancellationToken).ConfigureAwait(false);
        }
        catch (JoinLostException)
        {
            member = await _coordinator.RejoinAsync(member, cancellationToken).ConfigureAwait(false);
            await _cluster.BeginDrainAsync(member, note, cancellationToken).ConfigureAwait(false);
        }

        return member;
    }

    private async Task<DrainReport> EndAsync(Task runsEnded)
    {
        await runsEnded.ConfigureAwait(false);
        return await ReassignRestAsync(SettleAsync, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task<DrainReport> ReassignRestAsync(Func<Task> settle, CancellationToken cancellationToken)
    {
        Publish(report => report with { Phase = DrainPhase.Reassigning });
        long left = 0;
        bool succeeded = await TryAsync(async () =>
        {
            ReassignOutcome outcome = await ReassignOwnAsync(cancellationToken).ConfigureAwait(false);
            long reassigned = outcome is ReassignOutcome.Done done ? done.Moved : 0;
            left = await CountOwnAsync(cancellationToken).ConfigureAwait(false);
            Publish(report => report with { Reassigned = report.Reassigned + reassigned, Left = left, Paused = left == 0 ? [] : outcome.Paused });
            if (left == 0)
            {
                await settle().ConfigureAwait(false);
            }
        }).ConfigureAwait(false);

        DrainPhase end = !succeeded ? DrainPhase.Unanswered : left > 0 ? DrainPhase.Incomplete : DrainPhase.Drained;
        DrainReport result = Publish(report => report with { Phase = end });
        _wakeups.RequestRefill(); // sagas that no other coordinator took, and that wait for a slot, must not wait for the next pass
        if (end == DrainPhase.Drained)
        {
            Log.Drained(_logger, result.Reassigned);
        }
        else if (end == DrainPhase.Incomplete)
        {
            Log.DrainIncomplete(_logger, left, result.Reassigned, PausedTakers.Describe(result.Paused));
        }

        return result;
    }

    /// <summary>Runs a pass and waits until no saga runs.</summary>
    /// <remarks>
    /// The pass begins after the reassignment. It stops the remaining runs of reassigned sagas, and no attempt to resume a saga is pending
    /// when it ends.
    /// </remarks>
    private async Task SettleAsync()
    {
        while ((await _wakeups.RequestAndWaitAsync(_coordinator.Fenced).ConfigureAwait(false)).Result is PassResult.Failed or PassResult.CutShort)
        {
            _coordinator.ThrowIfIncompatible(); // no pass succeeds until an operator has acted
            await Task.Delay(FailedPassDelay, _time, _coordinator.Fenced).ConfigureAwait(false);
        }

        await WaitUntilNothingRunsAsync(_coordinator.Fenced).ConfigureAwait(false);
    }

    private async Task WaitUntilNothingRunsAsync(CancellationToken cancellationToken)
    {
        while (!await NothingRunsAsync(cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(PollInterval, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<bool> NothingRunsAsync(CancellationToken cancellationToken)
    {
        if (_executor.Unfinished is { } unfinished)
        {
            return unfinished == 0;
        }

        ClusterView view = await _cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false);
        return !view.Owners.Contains(_coordinator.Id);
    }

    private async Task<ReassignOutcome> ReassignOwnAsync(CancellationToken cancellationToken)
    {
        ClusterView view = await _cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false);
        CoordinatorId[] takers = view.TakersBesides(_coordinator.Id);
        if (_coordinator.Member is not { } member || takers.Length == 0 || !view.Owners.Contains(_coordinator.Id))
        {
            return ReassignOutcome.NoTaker.Instance;
        }

        OperatorNote note = _report!.Note;
        member = await BeginDrainAsync(member, note, cancellationToken).ConfigureAwait(false); // the database may have lost the drain
        var reassignment = new Reassignment(_coordinator.Id, takers) { EvenIfOwnerAnswers = true, Owner = member };
        return await _cluster.ReassignAsync(reassignment, note, cancellationToken).ConfigureAwait(false);
    }

    private async Task<long> CountOwnAsync(CancellationToken cancellationToken) =>
        (await _operations.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(coordinator => coordinator.Id == _coordinator.Id)?.InProgress ?? 0;

    private DrainReport Publish(Func<DrainReport, DrainReport> change)
    {
        DrainReport report;
        lock (_lock)
        {
            report = _report = change(_report!);
        }

        _status.Update(report);
        return report;
    }

    /// <returns>True if the store performed the work.</returns>
    private async Task<bool> TryAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (CoordinatorFencedException fenced)
        {
            _coordinator.ReportFenced(fenced);
            return false;
        }
        catch (Exception exception) // from the store: sagas that this process keeps resume at the next start
        {
            Log.DrainFailed(_logger, exception is OperationCanceledException ? "the time for the shutdown was over" : PlainText.OneLine(exception.Message, longest: 2_000), exception);
            return false;
        }
    }
}
