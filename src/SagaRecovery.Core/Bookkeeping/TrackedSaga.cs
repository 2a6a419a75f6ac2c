using SagaRecovery.Fencing;

namespace SagaRecovery.Bookkeeping;

/// <summary>The tracker's state of one saga that may be running in this process.</summary>
/// <remarks>
/// The saga is live while it has a start lease or was recovered. Afterwards the end of its run is kept until it has been compared with a
/// listing. A mutable struct that is changed in place in the tracker's table.
/// </remarks>
internal struct TrackedSaga
{
    private TrackedLease _firstLease; // inline, since almost no saga has a second lease
    private List<TrackedLease>? _otherLeases;
    private long _recoveredGeneration; // 0: not recovered by this process
    private long _interruptedGeneration; // 0: the executor interrupted no run
    private long _endedGeneration; // 0: the executor reported no end
    private long _lastReportDrain; // the drain that read the executor's last report of an interrupted or ended run

    /// <summary>The last pass whose listing held this saga.</summary>
    public long ListedInPass;

    /// <summary>The number of consecutive failures before its recovery. The count continues if the executor interrupts the recovered run.</summary>
    public int PriorFailures;

    /// <summary>True if its recovery was counted. The count is taken back if the executor interrupts the recovered run.</summary>
    public bool CountsAsRecovered;

    private long _recoveredTicks; // UTC

    public readonly bool IsKnown => IsLive || _endedGeneration != 0;

    /// <summary>True if this process is starting the saga or may be running it.</summary>
    public readonly bool IsLive => _firstLease.Number != 0 || _recoveredGeneration != 0;

    public readonly bool IsRecovered => _recoveredGeneration != 0;

    /// <summary>True if this process has confirmed that it runs the saga. An announcement is not sufficient.</summary>
    public readonly bool IsRunning => WasRunningBy(long.MaxValue);

    /// <summary>The newest generation at which this process runs it. An announced saga can only have the initial generation.</summary>
    public readonly AdoptGeneration Generation
    {
        get
        {
            long newest = Math.Max(Math.Max(AdoptGeneration.Initial.Value, _endedGeneration), Math.Max(_recoveredGeneration, _firstLease.ConfirmedGeneration));
            if (_otherLeases is not null) // an empty list instead would cost an allocation per saga
            {
                foreach (TrackedLease lease in _otherLeases)
                {
                    newest = Math.Max(newest, lease.ConfirmedGeneration);
                }
            }

            return new AdoptGeneration(newest);
        }
    }

    /// <summary>Returns true if its row certainly existed when the given drain was complete.</summary>
    /// <remarks>This includes sagas that have ended, whose row existed and is no longer in progress.</remarks>
    public readonly bool WasSettledBy(long drain) => WasRunningBy(drain) || !IsLive;

    /// <summary>Returns true if its run had ended when the given drain was complete, and no run has begun since.</summary>
    /// <remarks>If a listing that began later holds the saga as in progress, the database has lost its end.</remarks>
    public readonly bool HadEndedBy(long drain) => !IsLive && _endedGeneration != 0 && _lastReportDrain <= drain;

    /// <summary>Returns true if a run at <paramref name="upTo"/> or an older generation was counted as recovered.</summary>
    public readonly bool CountsAsRecoveredUpTo(AdoptGeneration upTo) =>
        CountsAsRecovered && _recoveredGeneration != 0 && _recoveredGeneration <= upTo.Value;

    public readonly TrackedRunInfo Describe() => new(
        IsRecovered ? RunOrigin.Recovered : IsRunning ? RunOrigin.Started : RunOrigin.Announced,
        Generation,
        IsRecovered ? new DateTimeOffset(_recoveredTicks, TimeSpan.Zero) : null);

    public void Announce(long number, bool afterListing)
    {
        var lease = new TrackedLease { Number = number, AnnouncedAfterListing = afterListing };
        if (_firstLease.Number == 0)
        {
            _firstLease = lease;
        }
        else
        {
            (_otherLeases ??= []).Add(lease);
        }
    }

    /// <summary>Records that the row of a lease is committed and that the saga runs, unless its run is already over.</summary>
    /// <returns>True if the saga was listed before its announcement was in the channel, in violation of the protocol.</returns>
    public bool Confirm(long number, AdoptGeneration generation, long drain)
    {
        bool violation = ConfirmLease(number, generation, drain);
        if (generation.Value <= Math.Max(_interruptedGeneration, _endedGeneration))
        {
            Withdraw(number);
        }

        return violation;
    }

    public void Withdraw(long number) => RemoveLeases(lease => lease.Number == number);

    /// <summary>Records that the executor runs the saga at the given generation.</summary>
    /// <param name="generation">The generation at which the saga was resumed.</param>
    /// <param name="planDrain">The drain on which the plan of the resumption is based.</param>
    /// <param name="now">The current time.</param>
    /// <returns>False if a later drain has read the end or the interruption of this run, so that the run is over.</returns>
    public bool SetRecovered(AdoptGeneration generation, long planDrain, DateTimeOffset now)
    {
        if (_lastReportDrain > planDrain && generation.Value <= Math.Max(_endedGeneration, _interruptedGeneration))
        {
            return false;
        }

        _recoveredGeneration = generation.Value;
        _recoveredTicks = now.UtcTicks;
        _endedGeneration = 0;
        return true;
    }

    /// <summary>Forgets the runs that were confirmed by the given drain. Later announcements stay.</summary>
    public void ForgetSettledBy(long drain)
    {
        _recoveredGeneration = 0;
        _endedGeneration = 0;
        RemoveLeases(lease => lease.WasConfirmedBy(drain));
    }

    /// <summary>Forgets the runs at <paramref name="upTo"/> or an older generation.</summary>
    public void ForgetRunsUpTo(AdoptGeneration upTo)
    {
        if (_recoveredGeneration <= upTo.Value)
        {
            _recoveredGeneration = 0;
        }

        RemoveLeases(lease => lease.IsConfirmed && lease.ConfirmedGeneration <= upTo.Value);
    }

    /// <summary>Forgets the runs at <paramref name="upTo"/> or an older generation because the executor interrupted them.</summary>
    /// <remarks>
    /// The executor's report can precede the caller's confirmation of the start. The generation is stored so that a late confirmation
    /// does not revive the run.
    /// </remarks>
    public void InterruptRunsUpTo(AdoptGeneration upTo, long drain)
    {
        _interruptedGeneration = Math.Max(_interruptedGeneration, upTo.Value);
        _lastReportDrain = drain;
        ForgetRunsUpTo(upTo);
    }

    /// <summary>Forgets the runs at <paramref name="upTo"/> or an older generation because they have ended.</summary>
    /// <remarks>The generation is stored so that a late confirmation of the start does not revive the run.</remarks>
    public void EndRunsUpTo(AdoptGeneration upTo, long drain)
    {
        _endedGeneration = Math.Max(_endedGeneration, upTo.Value);
        _lastReportDrain = drain;
        ForgetRunsUpTo(upTo);
    }

    private readonly bool WasRunningBy(long drain) =>
        _recoveredGeneration != 0 || _firstLease.WasConfirmedBy(drain) || (_otherLeases?.Exists(lease => lease.WasConfirmedBy(drain)) ?? false);

    private bool ConfirmLease(long number, AdoptGeneration generation, long drain)
    {
        if (_firstLease.Number == number)
        {
            _firstLease = _firstLease.Confirmed(generation, drain);
            return _firstLease.AnnouncedAfterListing;
        }

        int index = _otherLeases?.FindIndex(lease => lease.Number == number) ?? -1;
        if (index < 0)
        {
            return false;
        }

        _otherLeases![index] = _otherLeases[index].Confirmed(generation, drain);
        return _otherLeases[index].AnnouncedAfterListing;
    }

    private void RemoveLeases(Predicate<TrackedLease> match)
    {
        _otherLeases?.RemoveAll(match);
        if (_firstLease.Number == 0 || !match(_firstLease))
        {
            return;
        }

        _firstLease = default;
        if (_otherLeases is { Count: > 0 })
        {
            _firstLease = _otherLeases[0];
            _otherLeases.RemoveAt(0);
        }
    }
}

/// <summary>One start of a tracked saga. A mutable struct that is changed in place.</summary>
internal struct TrackedLease
{
    public long Number; // 0: no lease
    public long ConfirmedGeneration; // 0: not confirmed
    public long ConfirmedByDrain;
    public bool AnnouncedAfterListing;

    public readonly bool IsConfirmed => ConfirmedGeneration != 0;

    public readonly bool WasConfirmedBy(long drain) => IsConfirmed && ConfirmedByDrain <= drain;

    public readonly TrackedLease Confirmed(AdoptGeneration generation, long drain) =>
        this with { ConfirmedGeneration = generation.Value, ConfirmedByDrain = drain };
}
