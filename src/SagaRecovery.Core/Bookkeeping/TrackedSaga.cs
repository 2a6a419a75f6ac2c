using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>
/// What the tracker knows of one saga that may be running in this process: the leases of its starts, and the generation at which it
/// was recovered. While any of these lives, the saga is live. After that, that its run has ended is remembered until a listing has been
/// compared with it. A mutable struct, changed in place in the tracker's dictionary.
/// </summary>
internal struct TrackedSaga
{
    private TrackedLease _first; // nearly every saga has one lease at most: it stands inline
    private List<TrackedLease>? _others;
    private long _recoveredAt; // a generation; 0: not recovered by this process
    private long _interruptedAt; // a generation; 0: the executor gave up no run while a start was under way
    private long _endedAt; // a generation; 0: the executor reported no end
    private long _lastWordDrain; // the drain that read the executor's last word on a run: that it was given up, or has ended

    /// <summary>The pass whose listing last held this saga.</summary>
    public long ListedInPass;

    /// <summary>How often in a row it had failed when it was recovered: what counts on if the executor gives that run up, too.</summary>
    public int FailuresBefore;

    private long _recoveredTicks; // UTC

    public readonly bool IsKnown => IsLive || _endedAt != 0;

    /// <summary>Whether it is being started here, or may be running here.</summary>
    public readonly bool IsLive => _first.Number != 0 || _recoveredAt != 0;

    public readonly bool IsRecovered => _recoveredAt != 0;

    /// <summary>Whether this process said that it runs the saga: more than an announcement.</summary>
    public readonly bool IsRunning => WasLiveBy(long.MaxValue);

    /// <summary>The newest generation that this process runs it at. Announced only: the initial one, by construction.</summary>
    public readonly AdoptGeneration Generation
    {
        get
        {
            long newest = Math.Max(Math.Max(AdoptGeneration.Initial.Value, _endedAt), Math.Max(_recoveredAt, _first.ConfirmedGeneration));
            if (_others is not null) // an empty list in its place would cost an allocation for each known saga
            {
                foreach (TrackedLease lease in _others)
                {
                    newest = Math.Max(newest, lease.ConfirmedGeneration);
                }
            }

            return new AdoptGeneration(newest);
        }
    }

    /// <summary>
    /// Whether its row was certainly there when drain number <paramref name="drain"/> had been done. The row of one that has ended was
    /// there, and is not in progress any more.
    /// </summary>
    public readonly bool WasSettledBy(long drain) => WasLiveBy(drain) || !IsLive;

    /// <summary>
    /// Whether its run had ended when drain number <paramref name="drain"/> had been done, and nothing of it has begun since. If a listing
    /// that began later shows it in progress, the database has lost the end.
    /// </summary>
    public readonly bool HadEndedBy(long drain) => !IsLive && _endedAt != 0 && _lastWordDrain <= drain;

    public readonly TrackedRunInfo Describe() => new(
        IsRecovered ? RunOrigin.Recovered : IsRunning ? RunOrigin.Started : RunOrigin.Announced,
        Generation,
        IsRecovered ? new DateTimeOffset(_recoveredTicks, TimeSpan.Zero) : null);

    public void Announce(long number, bool afterListing)
    {
        var lease = new TrackedLease { Number = number, AnnouncedAfterListing = afterListing };
        if (_first.Number == 0)
        {
            _first = lease;
        }
        else
        {
            (_others ??= []).Add(lease);
        }
    }

    /// <summary>
    /// Notes that the lease's row is committed and that the saga runs; or that its run was over before the caller came to say so.
    /// </summary>
    /// <returns>Whether the saga had been listed before its announcement was in the channel: a violation of the protocol.</returns>
    public bool Confirm(long number, AdoptGeneration generation, long drain)
    {
        bool violation = Confirmed(number, generation, drain);
        if (generation.Value <= Math.Max(_interruptedAt, _endedAt))
        {
            Withdraw(number);
        }

        return violation;
    }

    public void Withdraw(long number) => RemoveLeases(lease => lease.Number == number);

    /// <summary>Notes that the executor runs the saga at that generation.</summary>
    /// <param name="generation">At which it was resumed.</param>
    /// <param name="planned">The drain on which the plan was made that resumed it.</param>
    /// <param name="now">The present time.</param>
    /// <returns>False: the executor's last word on this run has been read since, so that it is over.</returns>
    public bool SetRecovered(AdoptGeneration generation, long planned, DateTimeOffset now)
    {
        if (_lastWordDrain > planned && generation.Value <= Math.Max(_endedAt, _interruptedAt))
        {
            return false;
        }

        _recoveredAt = generation.Value;
        _recoveredTicks = now.UtcTicks;
        _endedAt = 0;
        return true;
    }

    /// <summary>Forgets what was settled by that drain; an announcement that came later stays.</summary>
    public void ForgetSettledBy(long drain)
    {
        _recoveredAt = 0;
        _endedAt = 0;
        RemoveLeases(lease => lease.WasConfirmedBy(drain));
    }

    /// <summary>Forgets that this process runs the saga at <paramref name="upTo"/> or an older generation.</summary>
    public void ForgetRunsUpTo(AdoptGeneration upTo)
    {
        if (_recoveredAt <= upTo.Value)
        {
            _recoveredAt = 0;
        }

        RemoveLeases(lease => lease.IsConfirmed && lease.ConfirmedGeneration <= upTo.Value);
    }

    /// <summary>
    /// Forgets such runs because the executor gave them up. A start that is not yet confirmed may have begun one of them: the executor's
    /// last word on a run can overtake the caller's on its start, and must outlast it.
    /// </summary>
    public void InterruptRunsUpTo(AdoptGeneration upTo, long drain)
    {
        _interruptedAt = Math.Max(_interruptedAt, upTo.Value);
        _lastWordDrain = drain;
        ForgetRunsUpTo(upTo);
    }

    /// <summary>Forgets such runs because they have ended, and remembers that. Outlasts the caller's last word on a start, too.</summary>
    public void EndRunsUpTo(AdoptGeneration upTo, long drain)
    {
        _endedAt = Math.Max(_endedAt, upTo.Value);
        _lastWordDrain = drain;
        ForgetRunsUpTo(upTo);
    }

    private readonly bool WasLiveBy(long drain) =>
        _recoveredAt != 0 || _first.WasConfirmedBy(drain) || (_others?.Exists(lease => lease.WasConfirmedBy(drain)) ?? false);

    private bool Confirmed(long number, AdoptGeneration generation, long drain)
    {
        if (_first.Number == number)
        {
            _first = _first.Confirmed(generation, drain);
            return _first.AnnouncedAfterListing;
        }

        int index = _others?.FindIndex(lease => lease.Number == number) ?? -1;
        if (index < 0)
        {
            return false;
        }

        _others![index] = _others[index].Confirmed(generation, drain);
        return _others[index].AnnouncedAfterListing;
    }

    private void RemoveLeases(Predicate<TrackedLease> match)
    {
        _others?.RemoveAll(match);
        if (_first.Number == 0 || !match(_first))
        {
            return;
        }

        _first = default;
        if (_others is { Count: > 0 })
        {
            _first = _others[0];
            _others.RemoveAt(0);
        }
    }
}

/// <summary>One start of a tracked saga. A mutable struct, changed in place.</summary>
internal struct TrackedLease
{
    public long Number; // 0: none
    public long ConfirmedGeneration; // 0: announced only
    public long ConfirmedByDrain;
    public bool AnnouncedAfterListing;

    public readonly bool IsConfirmed => ConfirmedGeneration != 0;

    public readonly bool WasConfirmedBy(long drain) => IsConfirmed && ConfirmedByDrain <= drain;

    public readonly TrackedLease Confirmed(AdoptGeneration generation, long drain) =>
        this with { ConfirmedGeneration = generation.Value, ConfirmedByDrain = drain };
}
