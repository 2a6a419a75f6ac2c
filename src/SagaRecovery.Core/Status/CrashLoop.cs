namespace SagaRecovery.Status;

/// <summary>The end of the last process of a coordinator, as the store knows it. Immutable.</summary>
/// <param name="Crashed">True if the process did not shut down.</param>
/// <param name="Lived">The time from its join to its last heartbeat; null if it is not known.</param>
/// <param name="LeftInFlight">True if unfinished sagas were on probation when it ended.</param>
/// <param name="HadDeferredSuspects">True if suspects of earlier crashes were not on probation when it ended.</param>
public readonly record struct ProcessEnd(bool Crashed, TimeSpan? Lived, bool LeftInFlight, bool HadDeferredSuspects);

/// <summary>Successive processes of one coordinator that crashed soon after their joins. Immutable.</summary>
/// <remarks>
/// A saga that kills its process later than the probation leaves no suspect. After two such crashes, the probation becomes twice the time that the last
/// process lived, so that the next crash finds the saga on probation. Suspects are then resumed only once the process has survived that time
/// without them, which is the control. If it does not, other sagas that were on probation are suspects as well; if there are none, or if that happens
/// again, the suspects are not the cause, and are cleared. See docs/decisions/0005-crash-loop-guard.md.
/// </remarks>
/// <param name="Crashes">The number of consecutive processes that crashed within <see cref="LongestShortLife"/>.</param>
/// <param name="WatchFrom">The number of crashes from which on <paramref name="Probation"/> is set.</param>
/// <param name="Probation">The probation of all sagas that are resumed, in place of the normal one; null for the normal one.</param>
/// <param name="FailedControls">The number of consecutive processes that crashed before they had resumed a suspect.</param>
/// <param name="LastLived">The longest time that the last of these processes may have lived: to the heartbeat after its last one.</param>
public sealed record CrashLoop(int Crashes, int WatchFrom, TimeSpan? Probation, int FailedControls, TimeSpan LastLived)
{
    /// <summary>The number of crashes from which on sagas are watched for longer, if no control has failed.</summary>
    private const int FirstWatch = 2;

    /// <summary>The number of failed controls in a row after which the suspects are cleared, although other sagas were on probation.</summary>
    private const int MostFailedControls = 3;

    /// <summary>The number of crashes between a failed control and the next watch: a process that is killed from outside must get its work done.</summary>
    private const int Unwatched = 8;

    /// <summary>
    /// The time after which a crash is not counted, unless suspects still waited: half an hour. It is the longest probation, so a saga that kills its
    /// process later than that is not found.
    /// </summary>
    public static TimeSpan LongestShortLife { get; } = TimeSpan.FromMinutes(30);

    /// <summary>True if there have been so many crashes that operators are told: three.</summary>
    public bool IsReported => Crashes >= 3;

    /// <summary>True if a control failed, and the sagas are not watched again yet.</summary>
    public bool IsUnwatched => WatchFrom > FirstWatch && Crashes < WatchFrom;

    /// <summary>True if the control failed in the last process: it crashed although no suspect ran, so none of them is the cause, and all are cleared.</summary>
    public bool ClearsSuspects => IsUnwatched && Crashes == WatchFrom - Unwatched;

    /// <summary>
    /// The time for which a process must survive after it has resumed other sagas, before it resumes one that was alone at a crash. By then, any of them
    /// that killed the last process would have killed this one.
    /// </summary>
    internal TimeSpan AloneAfter => LastLived * 1.25;

    /// <summary>Returns the crash loop after the end of one more process; null if there is none.</summary>
    /// <param name="before">The crash loop before that process; null if there was none.</param>
    /// <param name="end">The end of that process.</param>
    /// <param name="heartbeatPeriod">The interval of its heartbeats: it may have lived for that much longer.</param>
    public static CrashLoop? After(CrashLoop? before, ProcessEnd end, TimeSpan heartbeatPeriod)
    {
        if (end is not { Crashed: true, Lived: { } lived } || (lived > LongestShortLife && end is { LeftInFlight: false, HadDeferredSuspects: false }))
        {
            return null;
        }

        CrashLoop loop = before ?? new CrashLoop(0, FirstWatch, Probation: null, FailedControls: 0, LastLived: default);
        int crashes = loop.Crashes + 1;
        TimeSpan lifeAtMost = lived + heartbeatPeriod;
        int failedControls = end.HadDeferredSuspects && lifeAtMost < loop.Probation ? loop.FailedControls + 1 : 0;
        if (failedControls == MostFailedControls || (failedControls > 0 && !end.LeftInFlight))
        {
            return new CrashLoop(crashes, crashes + Unwatched, Probation: null, FailedControls: 0, lifeAtMost);
        }

        bool watches = !end.LeftInFlight && crashes >= loop.WatchFrom;
        TimeSpan? probation = watches ? Times.Longer(loop.Probation ?? TimeSpan.Zero, 2 * Times.Shorter(lifeAtMost, LongestShortLife / 2)) : loop.Probation;
        return loop with { Crashes = crashes, Probation = probation, FailedControls = failedControls, LastLived = lifeAtMost };
    }
}
