using Microsoft.Extensions.Logging;
using SagaRecovery.Diagnostics;
using SagaRecovery.Hosting;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Coordinators;

/// <summary>
/// Empties this process for an update: it starts nothing new, lets what runs finish within a time, and gives the rest to the other
/// coordinators. There is no way back but a restart. A singleton; thread-safe.
/// </summary>
public sealed class SagaDrain
{
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(50);

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
    private Task<DrainReport>? _asked;
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
    }

    /// <summary>
    /// Begins to drain this process, which goes on serving everything else. Asked for again, it is the same drain. How far it has come
    /// stands in the status.
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
            bool isFirst = TryBegin(note, letRun);
            _asked ??= Task.Run(() => RunAsync(isFirst, note, letRun), CancellationToken.None);
            return _report!;
        }
    }

    /// <summary>Drains this process, and waits for the end of that. Asked for again, it is the same drain.</summary>
    /// <param name="note">Who asks for it, and why.</param>
    /// <param name="letRun">How long sagas may run on.</param>
    /// <param name="cancellationToken">Gives up waiting; the drain goes on.</param>
    /// <returns>How it ended: everything that ran has ended or is another's.</returns>
    public Task<DrainReport> DrainAsync(OperatorNote note, TimeSpan letRun, CancellationToken cancellationToken = default)
    {
        Begin(note, letRun);
        return _asked!.WaitAsync(cancellationToken);
    }

    /// <summary>Refuses new starts, here and in the store, and waits for what runs, unless that was begun before.</summary>
    internal Task BeginAsync(OperatorNote note, TimeSpan letRun, CancellationToken cancellationToken) =>
        TryBegin(note, letRun) ? EmptyAsync(note, letRun, cancellationToken) : Task.CompletedTask;

    private bool TryBegin(OperatorNote note, TimeSpan letRun)
    {
        _starts.Close("draining");
        if (!TryShow(new DrainReport(_time.GetUtcNow(), note, DrainPhase.LettingFinish, HandedOver: 0, Left: 0)))
        {
            return false;
        }

        Log.Draining(_logger, PlainText.OneLine(note.Actor), PlainText.OneLine(note.Reason), letRun);
        return true;
    }

    private async Task EmptyAsync(OperatorNote note, TimeSpan letRun, CancellationToken cancellationToken)
    {
        if (_coordinator.Member is { } member)
        {
            await TryAsync(() => _cluster.BeginDrainAsync(member, note, cancellationToken)).ConfigureAwait(false);
        }

        await LetFinishAsync(letRun, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Gives what is unfinished to others, and says how the drain ended.</summary>
    internal async Task<DrainReport> HandOverAsync(CancellationToken cancellationToken)
    {
        Show(report => report with { Phase = DrainPhase.HandingOver });
        (long handedOver, long left) = (0, 0);
        bool told = await TryAsync(async () =>
        {
            handedOver = await GiveAwayAsync(cancellationToken).ConfigureAwait(false);
            left = await CountOwnAsync(cancellationToken).ConfigureAwait(false);
        }).ConfigureAwait(false);
        DrainReport ended = Show(report => report with
        {
            Phase = told && left == 0 ? DrainPhase.Drained : DrainPhase.LeftSome,
            HandedOver = handedOver,
            Left = left,
        });
        if (ended.Phase == DrainPhase.Drained)
        {
            Log.Drained(_logger, handedOver);
        }
        else if (told)
        {
            Log.DrainedButFor(_logger, left, handedOver);
        }

        return ended;
    }

    private async Task<DrainReport> RunAsync(bool isFirst, OperatorNote note, TimeSpan letRun)
    {
        if (isFirst)
        {
            await EmptyAsync(note, letRun, CancellationToken.None).ConfigureAwait(false);
        }

        DrainReport report = await HandOverAsync(CancellationToken.None).ConfigureAwait(false);

        // A pass that begins now finds that what was given away is not ours: whatever still ran of it is stopped.
        await TryAsync(() => _wakeups.RequestAndWaitAsync(CancellationToken.None)).ConfigureAwait(false);
        if (report.Phase == DrainPhase.Drained)
        {
            await WaitUntilNothingRunsAsync(CancellationToken.None).ConfigureAwait(false);
        }

        return report;
    }

    private async Task LetFinishAsync(TimeSpan letRun, CancellationToken cancellationToken)
    {
        using var timeUp = new CancellationTokenSource(letRun, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(timeUp.Token, cancellationToken, _coordinator.Fenced);
        await WaitUntilNothingRunsAsync(either.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
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

        ClusterView view = await _cluster.LookAsync(cancellationToken).ConfigureAwait(false);
        return !view.Owners.Contains(_coordinator.Id);
    }

    private async Task<long> GiveAwayAsync(CancellationToken cancellationToken)
    {
        ClusterView view = await _cluster.LookAsync(cancellationToken).ConfigureAwait(false);
        CoordinatorId[] takers = view.TakersBesides(_coordinator.Id);
        if (takers.Length == 0 || !view.Owners.Contains(_coordinator.Id))
        {
            return 0;
        }

        var reassignment = new Reassignment(_coordinator.Id, takers) { EvenIfOwnerAnswers = true };
        ReassignOutcome outcome = await _cluster.ReassignAsync(reassignment, _report!.Note, cancellationToken).ConfigureAwait(false);
        return outcome is ReassignOutcome.Done done ? done.Moved : 0;
    }

    private async Task<long> CountOwnAsync(CancellationToken cancellationToken) =>
        (await _operations.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false))
            .FirstOrDefault(coordinator => coordinator.Id == _coordinator.Id)?.InProgress ?? 0;

    private bool TryShow(DrainReport report)
    {
        lock (_lock)
        {
            if (_report is not null)
            {
                return false;
            }

            _report = report;
        }

        _status.Drains(report);
        return true;
    }

    private DrainReport Show(Func<DrainReport, DrainReport> change)
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
