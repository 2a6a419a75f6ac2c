using Microsoft.Extensions.Logging;
using SagaRecovery.Activation;
using SagaRecovery.Coordinators;
using SagaRecovery.Diagnostics;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>
/// Empties this process for an update: it starts nothing new, lets what runs finish within a time, and gives the rest to the other
/// coordinators. There is no way back but a restart. A singleton; thread-safe.
/// </summary>
public sealed class SagaDrain
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan UntilNextPass = TimeSpan.FromSeconds(1); // after one that failed

    private readonly Lock _lock = new();
    private readonly ISagaCluster _cluster;
    private readonly ISagaOperations _operations;
    private readonly ISagaExecutor _executor;
    private readonly SagaStarts _starts;
    private readonly SagaCoordinator _coordinator;
    private readonly SagaRecoveryStatus _status;
    private readonly RecoveryWakeups _wakeups;
    private readonly TimeProvider _time;
    private readonly ILogger<SagaDrain> _logger;
    private Task? _emptied;
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
        TimeProvider time,
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

    /// <summary>
    /// Begins to drain this process, which goes on serving everything else. Asked for again, it is the same drain; one that has ended
    /// gives away once more what is there. How far it has come stands in the status.
    /// </summary>
    /// <param name="note">Who asks for it, and why.</param>
    /// <param name="letRun">How long sagas may run on.</param>
    /// <returns>How far it has come.</returns>
    /// <exception cref="CoordinatorFencedException">This process is fenced, and runs nothing.</exception>
    public DrainReport Begin(OperatorNote note, TimeSpan letRun)
    {
        _coordinator.ThrowIfFenced();
        lock (_lock)
        {
            Task emptied = BeginToEmpty(note, letRun);
            if (_ended is null or { IsCompleted: true })
            {
                BeginToEnd(emptied, note);
            }

            return _report!;
        }
    }

    /// <summary>Drains this process, and waits for the end of that. Asked for again, it is the same drain, as with <see cref="Begin"/>.</summary>
    /// <param name="note">Who asks for it, and why.</param>
    /// <param name="letRun">How long sagas may run on.</param>
    /// <param name="cancellationToken">Gives up waiting; the drain goes on.</param>
    /// <returns>How it ended: everything that ran has ended or is another's.</returns>
    public Task<DrainReport> DrainAsync(OperatorNote note, TimeSpan letRun, CancellationToken cancellationToken = default)
    {
        Begin(note, letRun);
        return _ended!.WaitAsync(cancellationToken);
    }

    /// <summary>For a host that stops: refuses new starts and waits, as long as it may, for what runs.</summary>
    internal async Task LetFinishAsync(OperatorNote note, TimeSpan letRun, CancellationToken cancellationToken)
    {
        Task emptied;
        lock (_lock)
        {
            emptied = BeginToEmpty(note, letRun);
        }

        await emptied.WaitAsync(letRun, _time, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>For a host that has stopped, and in which nothing runs any more: gives away what is unfinished.</summary>
    internal Task<DrainReport> ReassignRestAsync(CancellationToken cancellationToken) => ReassignRestAsync(() => Task.CompletedTask, cancellationToken);

    private Task BeginToEmpty(OperatorNote note, TimeSpan letRun)
    {
        if (_emptied is null)
        {
            _starts.Close("draining");
            _report = new DrainReport(_time.GetUtcNow(), note, DrainPhase.WaitingForRuns, Reassigned: 0, Left: 0);
            _status.Drains(_report);
            Log.Draining(_logger, PlainText.OneLine(note.Actor), PlainText.OneLine(note.Reason), letRun);
            _emptied = Task.Run(() => EmptyAsync(note, letRun), CancellationToken.None);
        }

        return _emptied;
    }

    private void BeginToEnd(Task emptied, OperatorNote note)
    {
        Publish(report => report with { Note = note, Phase = emptied.IsCompleted ? DrainPhase.Reassigning : DrainPhase.WaitingForRuns });
        _ended = Task.Run(() => EndAsync(emptied), CancellationToken.None);
    }

    private async Task EmptyAsync(OperatorNote note, TimeSpan letRun)
    {
        if (_coordinator.Member is { } member)
        {
            await TryAsync(() => BeginDrainAsync(member, note, CancellationToken.None)).ConfigureAwait(false);
        }

        using var timeUp = new CancellationTokenSource(letRun, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeUp.Token, _coordinator.Fenced);
        await WaitUntilNothingRunsAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    /// <summary>
    /// The database was failed over, restored or started anew, and may have lost that this process drains: sagas may have been assigned to
    /// it since, or have come back.
    /// </summary>
    private void DrainAgain()
    {
        lock (_lock)
        {
            if (_ended is { IsCompleted: true })
            {
                BeginToEnd(_emptied!, _report!.Note);
            }
            else if (_ended is not null && _coordinator.Member is { } member)
            {
                OperatorNote note = _report!.Note;
                _ = Task.Run(() => TryAsync(() => BeginDrainAsync(member, note, CancellationToken.None)), CancellationToken.None);
            }
        }
    }

    /// <returns>The join that it counts for.</returns>
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

    private async Task<DrainReport> EndAsync(Task emptied)
    {
        await emptied.ConfigureAwait(false);
        return await ReassignRestAsync(SeeToAllAsync, CancellationToken.None).ConfigureAwait(false);
    }

    private async Task<DrainReport> ReassignRestAsync(Func<Task> settle, CancellationToken cancellationToken)
    {
        Publish(report => report with { Phase = DrainPhase.Reassigning });
        long left = 0;
        bool isAnswered = await TryAsync(async () =>
        {
            long reassigned = await GiveAwayAsync(cancellationToken).ConfigureAwait(false);
            left = await CountOwnAsync(cancellationToken).ConfigureAwait(false);
            Publish(report => report with { Reassigned = report.Reassigned + reassigned, Left = left });
            if (left == 0)
            {
                await settle().ConfigureAwait(false);
            }
        }).ConfigureAwait(false);

        DrainPhase end = !isAnswered ? DrainPhase.Unanswered : left > 0 ? DrainPhase.Incomplete : DrainPhase.Drained;
        DrainReport ended = Publish(report => report with { Phase = end });
        if (end == DrainPhase.Drained)
        {
            Log.Drained(_logger, ended.Reassigned);
        }
        else if (end == DrainPhase.Incomplete)
        {
            Log.DrainedButFor(_logger, left, ended.Reassigned);
        }

        return ended;
    }

    /// <summary>
    /// A pass that begins now finds that what was given away is not ours: whatever still ran of it is stopped, and no hand-over is pending
    /// when it is over.
    /// </summary>
    private async Task SeeToAllAsync()
    {
        while ((await _wakeups.RequestAndWaitAsync(_coordinator.Fenced).ConfigureAwait(false)).Result is PassResult.Failed or PassResult.CutShort)
        {
            await Task.Delay(UntilNextPass, _time, _coordinator.Fenced).ConfigureAwait(false);
        }

        await WaitUntilNothingRunsAsync(_coordinator.Fenced).ConfigureAwait(false);
    }

    private async Task WaitUntilNothingRunsAsync(CancellationToken cancellationToken)
    {
        while (!await NothingRunsAsync(cancellationToken).ConfigureAwait(false))
        {
            await Task.Delay(Poll, _time, cancellationToken).ConfigureAwait(false);
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

    private async Task<long> GiveAwayAsync(CancellationToken cancellationToken)
    {
        ClusterView view = await _cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false);
        CoordinatorId[] takers = view.TakersBesides(_coordinator.Id);
        if (_coordinator.Member is not { } member || takers.Length == 0 || !view.Owners.Contains(_coordinator.Id))
        {
            return 0;
        }

        OperatorNote note = _report!.Note;
        member = await BeginDrainAsync(member, note, cancellationToken).ConfigureAwait(false); // the database may have lost that it drains
        var reassignment = new Reassignment(_coordinator.Id, takers) { EvenIfOwnerAnswers = true, Owner = member };
        ReassignOutcome outcome = await _cluster.ReassignAsync(reassignment, note, cancellationToken).ConfigureAwait(false);
        return outcome is ReassignOutcome.Done done ? done.Moved : 0;
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

        _status.Drains(report);
        return report;
    }

    /// <returns>Whether the store did what it was asked.</returns>
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
        catch (Exception exception) // the store's: what stays ours goes on at the next start
        {
            Log.DrainFailed(_logger, exception);
            return false;
        }
    }
}
