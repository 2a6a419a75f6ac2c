using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// Keeps a saga that crashes its process from doing so indefinitely. The guard records sagas in the store before they are resumed, and
/// clears them once the process has survived their probation. After a crash it finds what the previous process had in flight.
/// The tracker then decides which suspect is resumed when. See docs/decisions/0005-crash-loop-guard.md.
/// One pass at a time uses this class.
/// </summary>
internal sealed class CrashLoopGuard(
    ISagaControls controls,
    ISagaOperations operations,
    SagaTracker tracker,
    SagaRecoveryStatus status,
    IOptions<SagaRecoveryOptions> options,
    SteadyTimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    private readonly CrashGuardPolicy _policy = new(options.Value.Probation, options.Value.HoldAfterCrashes, options.Value.Canary);
    private readonly HashSet<Suspect> _judged = [];
    private bool _readPrevious;
    private PreviousProcess? _previous; // with the crash loop of which this process may be the next
    private DateTimeOffset _joined;
    private TimeSpan _probation = options.Value.Probation; // longer in a crash loop
    private DateTimeOffset _firstProbationEnds; // of the sagas that have been in flight longest
    private DateTimeOffset _lastProbationEnds; // of the sagas that were resumed last
    private bool _isAloneInFlight; // true if nothing was in flight before this pass or refill

    /// <summary>The time of the next look at the sagas in flight: the end of the first probation, or earlier in a crash loop; null if none is in flight.</summary>
    public DateTimeOffset? ProbationEnds { get; private set; }

    private static readonly TimeSpan s_shortestSurvival = TimeSpan.FromMinutes(1);

    private bool IsWatching => _probation > _policy.Probation;

    private bool IsOn => _policy.HoldAfterCrashes > 0 && controls is not NoSagaControls;

    /// <summary>Reads, once, what the previous process left in flight, and clears sagas whose probation is over. Runs before each plan.</summary>
    public async Task PrepareAsync(Membership member, CancellationToken cancellationToken)
    {
        if (!_readPrevious)
        {
            await ReadPreviousIncarnationAsync(member, cancellationToken).ConfigureAwait(false);
            _readPrevious = true;
            status.Loop.Record();
        }

        if (ProbationEnds <= time.Now)
        {
            await ClearSuspectsAsync(member, cancellationToken).ConfigureAwait(false);
        }

        _isAloneInFlight = ProbationEnds is null;
        if (ProbationEnds is null && tracker.NextTurn is null && time.Now - _joined is var survived && survived > _probation && survived > s_shortestSurvival)
        {
            EndLoop();
        }
    }

    private async Task ClearSuspectsAsync(Membership member, CancellationToken cancellationToken)
    {
        if (_firstProbationEnds <= time.Now)
        {
            await controls.ClearSuspectsAsync(member, _probation, cancellationToken).ConfigureAwait(false);
            _firstProbationEnds = _lastProbationEnds;
        }

        bool remains = _lastProbationEnds > time.Now;
        if (remains && IsWatching)
        {
            remains = await controls.ClearProgressedAsync(member, cancellationToken).ConfigureAwait(false);
            if (!remains)
            {
                tracker.EndProbation(time.Now);
            }
        }

        ProbationEnds = remains ? NextLook() : null;
    }

    private DateTimeOffset NextLook() => IsWatching ? time.Now + _policy.Probation : _firstProbationEnds;

    /// <summary>
    /// Reads the controls, after placing a hold on each saga that the policy blames for crashes. Each suspicion is judged once, so a saga
    /// that an operator releases is resumed again.
    /// </summary>
    public async Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken)
    {
        RecoveryControls read = await controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
        List<Suspect> suspected = FindSuspected(read);
        List<Suspect> blamed = FindBlamed(read, suspected);
        foreach (Suspect suspect in blamed)
        {
            await HoldAsync(suspect, cancellationToken).ConfigureAwait(false);
        }

        _judged.UnionWith(suspected);
        return blamed.Count == 0 ? read : await controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the controls for a dry run: with the holds that <see cref="ReadControlsAsync"/> would place, and without placing any.</summary>
    public async Task<RecoveryControls> ForecastControlsAsync(Membership member, CancellationToken cancellationToken)
    {
        RecoveryControls read = await controls.QueryControlsAsync(member, cancellationToken).ConfigureAwait(false);
        IEnumerable<HeldSaga> holds = FindBlamed(read, FindSuspected(read)).Select(suspect => new HeldSaga(suspect.SagaId, "", time.Now, NoteOn(suspect)));
        return read with { Held = [.. read.Held, .. holds] };
    }

    /// <summary>Records sagas as in flight. The record is durable before they are resumed, so a crash cannot lose it. Without sagas, it does nothing.</summary>
    public async Task RecordInFlightAsync(Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        if (!IsOn || candidates.Count == 0)
        {
            return;
        }

        await controls.RecordInFlightAsync(member, [.. candidates.Select(candidate => candidate.SagaId)], cancellationToken).ConfigureAwait(false);
        _lastProbationEnds = time.Now + _probation;
        if (ProbationEnds is null) // sagas that are resumed again and again must not prolong it without end
        {
            _firstProbationEnds = _lastProbationEnds;
            ProbationEnds = NextLook();
        }
    }

    /// <summary>Clears the sagas of a pass or a refill of which the executor took none: they cannot crash this process, and need no probation.</summary>
    public async Task EndProbationAsync(Membership member, bool nothingRuns, CancellationToken cancellationToken)
    {
        if (_isAloneInFlight && ProbationEnds is not null && nothingRuns)
        {
            await controls.ClearSuspectsAsync(member, TimeSpan.Zero, cancellationToken).ConfigureAwait(false);
            ProbationEnds = null;
        }
    }

    private async Task ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken)
    {
        PreviousIncarnation incarnation = await controls.ReadPreviousIncarnationAsync(member, cancellationToken).ConfigureAwait(false);
        if (incarnation.Process is not { } previous)
        {
            return;
        }

        CrashLoop? loop = IsOn ? await RecordCrashLoopAsync(member, incarnation, cancellationToken).ConfigureAwait(false) : null;
        IReadOnlyList<Suspect> suspects = IsOn && loop is not { ClearsSuspects: true } ? incarnation.Suspects : [];
        if (previous.Crashed)
        {
            Log.PreviousCrashed(logger, PlainText.Time(previous.LastSeen), suspects.Count);
        }

        _previous = previous with { Loop = loop };
        if (_previous.LoopMessage is { } message)
        {
            Log.CrashLoop(logger, message);
        }

        _joined = time.Now;
        _probation = loop?.Probation ?? _policy.Probation;
        tracker.RecordPreviousProcess(_previous, suspects);
        status.SetPrevious(_previous);
    }

    private async Task<CrashLoop?> RecordCrashLoopAsync(Membership member, PreviousIncarnation incarnation, CancellationToken cancellationToken)
    {
        if (incarnation.IsLoopRecorded)
        {
            return incarnation.Loop;
        }

        CrashLoop? loop = CrashLoop.After(incarnation.Loop, incarnation.End, options.Value.HeartbeatPeriod);
        if (loop != incarnation.Loop)
        {
            await controls.RecordCrashLoopAsync(member, loop, cancellationToken).ConfigureAwait(false);
        }

        return loop;
    }

    private List<Suspect> FindSuspected(RecoveryControls read) => IsOn ? [.. read.Suspects.Where(suspect => !_judged.Contains(suspect))] : [];

    private List<Suspect> FindBlamed(RecoveryControls read, List<Suspect> suspected) =>
        [.. _policy.ToHold(suspected).Where(suspect => !read.Holds(suspect.SagaId))];

    private async Task HoldAsync(Suspect blamed, CancellationToken cancellationToken)
    {
        await operations.HoldAsync(blamed.SagaId, NoteOn(blamed), cancellationToken).ConfigureAwait(false);
        EndLoop();
    }

    /// <summary>Removes the crash loop from the status: this process has survived it, or its cause was found.</summary>
    private void EndLoop()
    {
        if (_previous is { Loop: not null } previous)
        {
            _previous = previous with { Loop = null };
            status.SetPrevious(_previous);
        }
    }

    private OperatorNote NoteOn(Suspect blamed) => new(
        OperatorNote.CrashGuardActor,
        $"the process crashed {PlainText.Count(blamed.DeathsAlone, "time")} within {PlainText.Duration(_probation)} of resuming this saga alone, "
        + "and the saga completed no step in between");
}
