using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Diagnostics;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>
/// Keeps a saga that kills its process from doing so for ever. Notes in the store what is in hand before it is handed over, forgets it
/// once the process has outlived it, and finds there what the process before this one had in hand when it died. Who then goes when is
/// the tracker's decision. Used by one pass at a time. See docs/decisions/0005-crash-loop-guard.md.
/// </summary>
internal sealed class CrashLoopGuard(
    ISagaControls controls,
    ISagaOperations operations,
    SagaTracker tracker,
    SagaRecoveryStatus status,
    IOptions<SagaRecoveryOptions> options,
    TimeProvider time,
    ILogger<SagaRecoveryService> logger)
{
    private readonly CrashGuardPolicy _policy = new(options.Value.Probation, options.Value.HoldAfterCrashes, options.Value.Canary);
    private readonly HashSet<Suspect> _judged = [];
    private bool _readPrevious;

    /// <summary>When all that is in hand will have outlived its probation; null: nothing is in hand.</summary>
    public DateTimeOffset? ProbationEnds { get; private set; }

    private bool IsOn => _policy.HoldAfterCrashes > 0 && controls is not NoSagaControls;

    /// <summary>Before each plan: learns, once, what the process before this one left behind; forgets what this one has outlived.</summary>
    public async Task PrepareAsync(Membership member, CancellationToken cancellationToken)
    {
        if (!_readPrevious)
        {
            await ReadPreviousIncarnationAsync(member, cancellationToken).ConfigureAwait(false);
            _readPrevious = true;
        }

        if (ProbationEnds <= time.GetUtcNow())
        {
            await controls.ClearSuspectsAsync(member, _policy.Probation, cancellationToken).ConfigureAwait(false);
            ProbationEnds = null;
        }
    }

    /// <summary>
    /// Reads what the store says beside the sagas, once what is known to kill is held. Each accusation is judged once: what an operator
    /// releases is tried again.
    /// </summary>
    public async Task<RecoveryControls> ReadControlsAsync(Membership member, CancellationToken cancellationToken)
    {
        RecoveryControls read = await controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
        List<Suspect> suspected = IsOn ? [.. read.Suspects.Where(suspect => !_judged.Contains(suspect))] : [];
        List<Suspect> blamed = [.. _policy.ToHold(suspected).Where(suspect => !read.Holds(suspect.SagaId))];
        foreach (Suspect one in blamed)
        {
            await HoldAsync(one, cancellationToken).ConfigureAwait(false);
        }

        _judged.UnionWith(suspected);
        return blamed.Count == 0 ? read : await controls.ReadControlsAsync(member, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Before sagas are handed over: durable when this returns, so that a death finds them on record.</summary>
    public async Task RecordInFlightAsync(Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken)
    {
        if (!IsOn)
        {
            return;
        }

        await controls.RecordInFlightAsync(member, [.. candidates.Select(candidate => candidate.SagaId)], cancellationToken).ConfigureAwait(false);
        ProbationEnds = time.GetUtcNow() + _policy.Probation;
    }

    private async Task ReadPreviousIncarnationAsync(Membership member, CancellationToken cancellationToken)
    {
        PreviousIncarnation incarnation = await controls.ReadPreviousIncarnationAsync(member, cancellationToken).ConfigureAwait(false);
        if (incarnation.Process is not { } previous)
        {
            return;
        }

        IReadOnlyList<Suspect> suspects = IsOn ? incarnation.Suspects : [];
        if (previous.Crashed)
        {
            Log.PreviousCrashed(logger, PlainText.Time(previous.LastSeen), suspects.Count);
        }

        tracker.Follow(previous, suspects);
        status.SetPrevious(previous);
    }

    private async Task HoldAsync(Suspect blamed, CancellationToken cancellationToken)
    {
        var note = new OperatorNote(
            OperatorNote.CrashGuardActor,
            $"the process died {PlainText.Count(blamed.DeathsAlone, "time")} within {PlainText.Duration(_policy.Probation)} of being handed this saga alone, and no step of it had ended in between");
        await operations.HoldAsync(blamed.SagaId, note, cancellationToken).ConfigureAwait(false);
    }
}
