namespace SagaRecovery.Bookkeeping;

/// <summary>A saga that was in hand when a process died shortly after handing it over: it may be what killed it.</summary>
/// <param name="SagaId">Which saga.</param>
/// <param name="GroupSize">How many were in hand then, it included; 1: it was alone.</param>
/// <param name="DeathsAlone">How often in a row a process died while it was alone in hand, without a finished step in between.</param>
public readonly record struct Suspect(SagaId SagaId, int GroupSize, int DeathsAlone);

/// <summary>How recovery behaves after a crash.</summary>
/// <param name="Probation">How long a process must live after a hand-over for its sagas to be past suspicion. Default 5 s.</param>
/// <param name="HoldAfterCrashes">How often a process may die with one saga alone in hand before that saga is held. Default 3.</param>
/// <param name="Canary">
/// Whether recovery that follows any crash begins with one saga, and goes on with eight times as many each time. Default false.
/// </param>
public sealed record CrashGuardPolicy(TimeSpan Probation, int HoldAfterCrashes, bool Canary = false)
{
    /// <summary>5 s, 3 crashes, no canary.</summary>
    public static CrashGuardPolicy Default { get; } = new(TimeSpan.FromSeconds(5), 3);

    /// <summary>The sagas of which enough is known to hold them.</summary>
    public IReadOnlyList<Suspect> ToHold(IEnumerable<Suspect> suspects) =>
        [.. suspects.Where(suspect => suspect.DeathsAlone >= HoldAfterCrashes)];
}

/// <summary>
/// Decides who is handed over when, after a crash. Those that were in hand when the process died go last, in groups an eighth of the
/// size they were in then, each after the one before it has outlived its probation. So a saga that kills its process is alone after a
/// few deaths, and only deaths that it was alone for count against it: no neighbour is ever held in its stead. See
/// docs/decisions/0005-crash-loop-guard.md. Not thread-safe.
/// </summary>
internal sealed class CrashGuard(CrashGuardPolicy policy)
{
    private const int Factor = 8;

    private readonly Dictionary<SagaId, Suspect> _suspects = [];
    private readonly HashSet<Suspect> _suspicions = []; // all that there were
    private readonly HashSet<SagaId> _notRun = []; // offered after the crash, and not taken on: nobody waits for them
    private readonly List<SagaId> _inFlight = []; // suspects on probation
    private DateTimeOffset _probationEnds = DateTimeOffset.MinValue;
    private int? _canaries; // how many innocent ones go at once; null: all
    private bool _handedOver; // since the last turn
    private bool _someWait;

    /// <summary>When those that wait for the probation of others may go; null: nobody waits.</summary>
    public DateTimeOffset? NextTurn => _someWait ? _probationEnds : null;

    private bool IsIdle => _suspects.Count == 0 && _canaries is null;

    public bool Suspects(SagaId sagaId) => _suspects.ContainsKey(sagaId);

    /// <summary>Takes note of how the process before this one ended.</summary>
    public void Begin(IEnumerable<Suspect> suspects, bool crashed)
    {
        MarkSuspects(suspects);
        _canaries = crashed && policy.Canary ? 1 : null;
    }

    /// <summary>Takes note of suspects, of other processes' deaths, too. The same accusation again has no effect: it may have been lifted here.</summary>
    public void MarkSuspects(IEnumerable<Suspect> suspects)
    {
        if (policy.HoldAfterCrashes == 0)
        {
            return;
        }

        foreach (Suspect suspect in suspects.Where(_suspicions.Add))
        {
            _suspects[suspect.SagaId] = suspect;
            _notRun.Remove(suspect.SagaId);
        }
    }

    /// <summary>Leaves in <paramref name="recover"/> the sagas whose turn it is, and moves the others to <paramref name="deferred"/>.</summary>
    public void Defer(List<Candidate> recover, List<Candidate> deferred, DateTimeOffset now)
    {
        if (IsIdle)
        {
            return;
        }

        bool onProbation = now < _probationEnds;
        if (!onProbation)
        {
            ClearSuspects();
        }

        HashSet<Candidate> turn = [.. TurnOf(recover, onProbation)];
        deferred.AddRange(recover.Where(candidate => !turn.Contains(candidate)));
        recover.RemoveAll(candidate => !turn.Contains(candidate));
        _someWait = deferred.Count > 0;
    }

    /// <summary>Takes note that the executor has taken a saga on.</summary>
    public void NoteReassigned(SagaId sagaId, DateTimeOffset now)
    {
        if (IsIdle)
        {
            return;
        }

        _handedOver = true;
        _probationEnds = now + policy.Probation;
        if (Suspects(sagaId))
        {
            _inFlight.Add(sagaId);
        }
    }

    /// <summary>Takes note that a saga was offered to the executor and does not run: this time it cannot kill.</summary>
    public void NoteNotRun(SagaId sagaId)
    {
        if (!IsIdle)
        {
            _suspects.Remove(sagaId);
            _notRun.Add(sagaId);
        }
    }

    /// <summary>The process lives: what it had in hand did not kill it.</summary>
    private void ClearSuspects()
    {
        _inFlight.ForEach(sagaId => _suspects.Remove(sagaId));
        _inFlight.Clear();
        if (_canaries is { } few && _handedOver)
        {
            _canaries = _someWait ? Math.Min(few, int.MaxValue / Factor) * Factor : null;
        }

        _handedOver = false;
    }

    private List<Candidate> TurnOf(List<Candidate> recover, bool onProbation)
    {
        List<Candidate> cleared = recover.FindAll(candidate => !Suspects(candidate.SagaId));
        List<Candidate> known = cleared.FindAll(candidate => _notRun.Contains(candidate.SagaId));
        if (cleared.Count > known.Count)
        {
            return _canaries is not { } few ? cleared : onProbation ? known : [.. known, .. cleared.Except(known).Take(few)];
        }

        return onProbation ? known : [.. known, .. NextGroup(recover.FindAll(candidate => Suspects(candidate.SagaId)))];
    }

    /// <summary>Of suspects, the least suspicious: as many of a kind as may be in hand together.</summary>
    private List<Candidate> NextGroup(List<Candidate> suspects)
    {
        IGrouping<(int DeathsAlone, int GroupSize), Candidate>? alike = suspects
            .GroupBy(candidate => (_suspects[candidate.SagaId].DeathsAlone, _suspects[candidate.SagaId].GroupSize))
            .OrderBy(group => group.Key.DeathsAlone).ThenByDescending(group => group.Key.GroupSize)
            .FirstOrDefault();
        return alike is null ? [] : [.. alike.Take((alike.Key.GroupSize + Factor - 1) / Factor)];
    }
}
