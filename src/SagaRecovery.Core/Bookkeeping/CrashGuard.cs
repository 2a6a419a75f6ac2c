using SagaRecovery.Status;

namespace SagaRecovery.Bookkeeping;

/// <summary>A saga that was not yet past probation when a process died, and that may therefore have caused the crash.</summary>
/// <param name="SagaId">The id of the saga.</param>
/// <param name="GroupSize">The number of sagas on probation at the crash, including this one; 1 if it was alone.</param>
/// <param name="DeathsAlone">The number of consecutive crashes during which it was alone on probation, without a completed step in between.</param>
public readonly record struct Suspect(SagaId SagaId, int GroupSize, int DeathsAlone);

/// <summary>The policy of recovery after a crash. Immutable.</summary>
/// <param name="Probation">The time that a process must survive after it resumes sagas before they are cleared. Default 5 s.</param>
/// <param name="HoldAfterCrashes">
/// The number of crashes with one saga alone on probation after which that saga is held. Default 3; 0 to ignore suspects.
/// </param>
/// <param name="Canary">
/// True to begin recovery after any crash with one saga, and to continue with groups that are eight times as large each. Default false.
/// </param>
public sealed record CrashGuardPolicy(TimeSpan Probation, int HoldAfterCrashes, bool Canary = false)
{
    /// <summary>The default policy: 5 s, 3 crashes, no canary.</summary>
    public static CrashGuardPolicy Default { get; } = new(TimeSpan.FromSeconds(5), 3);

    /// <summary>Returns the suspects that reached <see cref="HoldAfterCrashes"/> and must be held.</summary>
    public IReadOnlyList<Suspect> ToHold(IEnumerable<Suspect> suspects) =>
        [.. suspects.Where(suspect => suspect.DeathsAlone >= HoldAfterCrashes)];
}

/// <summary>Determines the order in which sagas are resumed after a crash.</summary>
/// <remarks>
/// Suspects are resumed last, in groups of one eighth of their size at the crash. A group starts after the previous group has passed
/// its probation. After a few crashes a saga that kills its process is therefore alone on probation. Only crashes during which a saga
/// was alone on probation count against it, and all after the first only if the process had survived for long enough without it: no other saga is
/// held in its place. In a crash loop, the probation is longer, and the first group starts after the process has survived one without it. See docs/decisions/0005-crash-loop-guard.md. Not thread-safe.
/// </remarks>
internal sealed class CrashGuard(CrashGuardPolicy policy)
{
    private const int Factor = 8;

    /// <summary>The number of probations for which sagas that are no suspects may be resumed before the first suspects: one minute by default.</summary>
    private const int OthersTurn = 12;

    private readonly Dictionary<SagaId, Suspect> _suspects = [];
    private readonly HashSet<Suspect> _knownSuspects = []; // all suspects so far, including cleared ones
    private readonly HashSet<SagaId> _attempted = []; // since the crash; no other saga waits for a further attempt of one
    private readonly List<SagaId> _inFlight = []; // suspects on probation
    private TimeSpan _probation = policy.Probation;
    private bool _hasBegun; // true after the first turn
    private TimeSpan _control; // in a crash loop: the time from then on for which the process must survive without a suspect
    private DateTimeOffset _controlEnds = DateTimeOffset.MinValue;
    private TimeSpan _aloneAfter; // the time between the last saga and one that was alone at a crash
    private DateTimeOffset _aloneFrom = DateTimeOffset.MinValue;
    private DateTimeOffset _probationEnds = DateTimeOffset.MinValue;
    private int? _canaries; // the number of unsuspected sagas resumed at once; null: no limit
    private bool _resumedInTurn; // true if a saga was resumed since the last turn
    private bool _hasDeferred;
    private bool _hasDeferredSuspects;
    private DateTimeOffset? _othersUntil; // null: no saga has been resumed since the crash

    /// <summary>True if no crash has to be considered.</summary>
    public bool IsIdle => _suspects.Count == 0 && _canaries is null;

    public bool IsSuspect(SagaId sagaId) => _suspects.ContainsKey(sagaId);

    /// <summary>Returns the time at which the next sagas may be resumed; null if none waits for a probation to end.</summary>
    /// <param name="othersWait">True if sagas wait for a slot of the executor.</param>
    public DateTimeOffset? NextTurn(bool othersWait) => _hasDeferred || (othersWait && _inFlight.Count > 0) ? _probationEnds : null;

    /// <summary>Returns true if sagas that are no suspects may be resumed.</summary>
    /// <remarks>
    /// They come first, for a limited time: the suspects must not wait for a queue that may take days. While suspects are on probation, no
    /// other saga is resumed, so that a crash leaves few sagas to suspect.
    /// </remarks>
    public bool AllowsOthers(DateTimeOffset now) =>
        IsIdle || (_inFlight.Count == 0 ? !SuspectsAreDue(now) : !_hasDeferredSuspects && now >= _probationEnds);

    /// <summary>Records the end of the previous process.</summary>
    public void Begin(IEnumerable<Suspect> suspects, bool crashed, CrashLoop? loop)
    {
        MarkSuspects(suspects);
        _canaries = crashed && policy.Canary ? 1 : null;
        _aloneAfter = loop?.AloneAfter ?? TimeSpan.Zero;
        if (loop?.Probation is { } longer)
        {
            _probation = _control = longer;
        }
    }

    /// <summary>Ends the current probation: all sagas on it have ended, or completed a step.</summary>
    public void EndProbation(DateTimeOffset now)
    {
        if (_probationEnds > now)
        {
            _probationEnds = Times.Later(now, _controlEnds);
        }
    }

    /// <summary>Adds suspects, including those of other processes' crashes.</summary>
    /// <remarks>A suspect that was added before is ignored, because this process may have cleared it since.</remarks>
    public void MarkSuspects(IEnumerable<Suspect> suspects)
    {
        if (policy.HoldAfterCrashes == 0)
        {
            return;
        }

        foreach (Suspect suspect in suspects.Where(_knownSuspects.Add))
        {
            _othersUntil = IsIdle ? null : _othersUntil;
            _suspects[suspect.SagaId] = suspect;
            _attempted.Remove(suspect.SagaId);
        }
    }

    /// <summary>Keeps the sagas of the current turn in <paramref name="recover"/> and moves the others to <paramref name="deferred"/>.</summary>
    public void Defer(List<Candidate> recover, List<Candidate> deferred, DateTimeOffset now)
    {
        if (IsIdle)
        {
            return;
        }

        if (!_hasBegun)
        {
            _hasBegun = true;
            _aloneFrom = now + _aloneAfter;
            if (_control > TimeSpan.Zero)
            {
                _probationEnds = _controlEnds = now + _control;
            }
        }

        bool onProbation = now < _probationEnds;
        if (!onProbation)
        {
            ClearSuspects();
        }

        Func<SagaId, bool> isInTurn = SelectTurn(recover, onProbation, now);
        int kept = 0;
        for (int i = 0; i < recover.Count; i++) // in place: after an outage there may be a million
        {
            if (isInTurn(recover[i].SagaId))
            {
                recover[kept++] = recover[i];
            }
            else
            {
                deferred.Add(recover[i]);
            }
        }

        recover.RemoveRange(kept, recover.Count - kept);
        _hasDeferred = deferred.Count > 0;
        _hasDeferredSuspects = deferred.Exists(candidate => IsSuspect(candidate.SagaId));
    }

    /// <summary>Records that the executor runs a saga.</summary>
    public void NoteResumed(SagaId sagaId, DateTimeOffset now)
    {
        if (IsIdle)
        {
            return;
        }

        _resumedInTurn = true;
        _othersUntil ??= now + (OthersTurn * policy.Probation);
        if (_attempted.Add(sagaId)) // one that is interrupted and resumed again and again would prolong the probation without end
        {
            _probationEnds = now + _probation;
            _aloneFrom = now + _aloneAfter;
        }

        if (IsSuspect(sagaId))
        {
            _inFlight.Add(sagaId);
        }
    }

    /// <summary>Records that a saga was attempted and does not run, so that it cannot crash this process.</summary>
    public void NoteNotRun(SagaId sagaId)
    {
        if (!IsIdle)
        {
            _suspects.Remove(sagaId);
            _attempted.Add(sagaId);
        }
    }

    /// <summary>Clears the suspects on probation, since the process survived it.</summary>
    private void ClearSuspects()
    {
        _inFlight.ForEach(sagaId => _suspects.Remove(sagaId));
        _inFlight.Clear();
        if (_canaries is { } limit && _resumedInTurn)
        {
            _canaries = _hasDeferred ? Math.Min(limit, int.MaxValue / Factor) * Factor : null;
        }

        _resumedInTurn = false;
    }

    /// <summary>Returns the test for the sagas whose turn it is.</summary>
    private Func<SagaId, bool> SelectTurn(List<Candidate> recover, bool onProbation, DateTimeOffset now)
    {
        if (!SuspectsAreDue(now) && recover.Exists(candidate => !IsSuspect(candidate.SagaId) && !_attempted.Contains(candidate.SagaId)))
        {
            int left = _canaries ?? int.MaxValue;
            return onProbation && _canaries is not null
                ? WasAttempted
                : sagaId => !IsSuspect(sagaId) && (_attempted.Contains(sagaId) || left-- > 0);
        }

        HashSet<SagaId> group = onProbation ? [] : NextGroup(recover.FindAll(candidate => IsSuspect(candidate.SagaId)), now);
        return sagaId => WasAttempted(sagaId) || group.Contains(sagaId);
    }

    /// <summary>True if suspects have waited for the others for long enough.</summary>
    private bool SuspectsAreDue(DateTimeOffset now) => _hasDeferredSuspects && now >= _othersUntil;

    private bool WasAttempted(SagaId sagaId) => !IsSuspect(sagaId) && _attempted.Contains(sagaId);

    /// <summary>Returns the next group of the least suspicious sagas, as large as may be on probation together.</summary>
    private HashSet<SagaId> NextGroup(List<Candidate> suspects, DateTimeOffset now)
    {
        IGrouping<(int DeathsAlone, int GroupSize), Candidate>? group = suspects
            .GroupBy(candidate => (_suspects[candidate.SagaId].DeathsAlone, _suspects[candidate.SagaId].GroupSize))
            .OrderBy(alike => alike.Key.DeathsAlone).ThenByDescending(alike => alike.Key.GroupSize)
            .FirstOrDefault();
        if (group?.Key.DeathsAlone > 0 && group.Key.DeathsAlone < policy.HoldAfterCrashes && now < _aloneFrom)
        {
            _probationEnds = _aloneFrom;
            return [];
        }

        return group is null ? [] : [.. group.Take((group.Key.GroupSize + Factor - 1) / Factor).Select(candidate => candidate.SagaId)];
    }
}
