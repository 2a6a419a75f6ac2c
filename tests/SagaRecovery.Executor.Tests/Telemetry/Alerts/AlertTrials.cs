using static SagaRecovery.Executor.Tests.Telemetry.Alerts.AlertTrial;

namespace SagaRecovery.Executor.Tests.Telemetry.Alerts;

/// <summary>The trials of the alerts in docs/operations/prometheus-rules.yml.</summary>
internal static class AlertTrials
{
    private const int Before = 20; // minutes of peace before the trouble
    private const int Long = 100; // minutes for which trouble lasts after the alert has fired
    private const string Fenced = "saga_recovery_fenced";
    private const string Joined = "saga_recovery_joined";
    private const string Incarnation = "saga_recovery_incarnation";

    /// <summary>The alerts on a gauge that is above its limit as long as the trouble lasts.</summary>
    private static readonly Lasting[] s_lasting =
    [
        new("SagaRecoveryPassesFail", "saga_recovery_passes_failing", 3) { After = 1 },
        new("SagaRecoveryNoPassEnds", "saga_recovery_pass_age_seconds", 1_900) { Peace = 600 },
        new("SagaRecoveryHeartbeatLate", "saga_recovery_heartbeat_late", 1) { After = 1 },
        new("SagaRecoverySagasIdle", "saga_recovery_idle_age_seconds", 1_000) { Outlasts = 5 },
        new("SagaRecoveryCrashLoop", "saga_recovery_deferred", 2) { After = 10, Outlasts = 5 },
        new("SagaRecoverySagasHeld", Open("held"), 1) { Outlasts = 5, OfJob = true, OfStore = true },
        new("SagaRecoverySagasFail", Open("failing"), 1) { After = 15, Outlasts = 5 },
        new("SagaRecoverySagasFail", Open("unknown-definition"), 1) { After = 15, Outlasts = 5 },
        new("SagaRecoveryPaused", Open("paused"), 1) { After = 60, Outlasts = 5, OfJob = true, OfStore = true },
        new("SagaRecoverySagasStalled", "saga_recovery_stalled", 1) { After = 15, Outlasts = 5 },
        new("SagaRecoveryStepsOverdue", "saga_recovery_steps_overdue", 1) { After = 15, Outlasts = 5 },
        new("SagaRecoveryStepsHanging", "saga_recovery_steps_hanging", 1) { After = 15, Outlasts = 5 },
        new("SagaRecoverySagasAbandoned", Open("abandoned"), 1) { Outlasts = 5, OfJob = true, OfStore = true },
        new("SagaRecoverySagasUnreadable", "saga_recovery_unreadable", 1) { After = 5, Outlasts = 5 },
        new("SagaRecoverySagasStuck", Open("stuck"), 1) { Outlasts = 5, OfJob = true, OfStore = true },
        new("SagaRecoveryOrphans", Open("unowned"), 1) { After = 5, Outlasts = 3, OfJob = true, OfStore = true },
        new("SagaRecoveryOrphans", Open("unknown-owner"), 1) { After = 5, Outlasts = 3, OfJob = true, OfStore = true },
        new("SagaRecoveryOwnerDown", Open("owner-down"), 1) { After = 5, Outlasts = 3, OfJob = true, OfStore = true },
        new("SagaRecoveryRetentionFails", "saga_recovery_retention_failing", 3) { After = 10, Outlasts = 5 },
        new("SagaRecoveryRetentionBehind", "saga_recovery_retention_backlog", 7) { After = 360, Outlasts = 120, OfJob = true },
    ];

    /// <summary>The alerts on a counter: for an hour after each event.</summary>
    private static readonly (string Alert, string Metric)[] s_events =
    [
        ("SagaRecoveryProtocolViolations", "saga_recovery_protocol_violations_total"),
        ("SagaRecoveryWritesFenced", "saga_recovery_writes_fenced_total"),
        ("SagaRecoveryHintsMissed", "saga_recovery_hints_missed_total"),
    ];

    public static IReadOnlyList<AlertTrial> All { get; } =
    [
        .. Peace(),
        .. s_lasting.SelectMany(Lasts),
        .. s_events.SelectMany(one => Counted(one.Alert, one.Metric)),
        .. s_lasting.Where(one => one.Metric.Contains("acknowledged", StringComparison.Ordinal)).Select(Acknowledged),
        .. NotRunning(),
        .. MembershipTrials(),
        .. Restarts(),
    ];

    /// <summary>Two processes for hours, which restart and report each metric; a third joins them.</summary>
    private static IEnumerable<AlertTrial> Peace()
    {
        var peace = new AlertTrial(null, "in peace, with restarts and a new process");
        (string Metric, double Before, double After)[] metrics =
        [
            .. s_lasting.Select(one => (one.Metric, one.Peace, one.Peace)),
            .. s_events.Select(one => (one.Metric, 2.0, 0.0)), // what was counted long ago, and what a new process begins with
            (Joined, 1, 1), (Fenced, 0, 0), (Incarnation, 7, 8),
        ];
        foreach ((string metric, double before, double after) in metrics)
        {
            peace.With(metric, $"{For(200, before)} {Gone(2)} {For(398, after)}", "a").With(metric, $"{For(210, before)} {Gone(2)} {For(388, after)}", "b");
        }

        peace.With(Joined, $"_x300 {For(300, 1)}", "c").With(Fenced, $"_x300 {For(300, 0)}", "c").With(Incarnation, $"_x300 {For(300, 9)}", "c");
        yield return peace.IsSilent(Enumerable.Range(7, 48).Select(tens => tens * 10)); // after an hour: the counters begin above 0
    }

    private static IEnumerable<AlertTrial> Lasts(Lasting one)
    {
        int firing = one.After + Long;
        int end = Before + firing;
        yield return one.Trial($"fires after {one.After} minutes, stays while the trouble lasts, and ends", $"{For(Before, one.Peace)} {For(firing, one.Trouble)} {For(one.Outlasts + 10, one.Peace)}")
            .IsSilent(Enumerable.Range(Before - 1, one.After + 1))
            .Fires(Before + one.After, Before + one.After + (Long / 2), end - 1)
            .IsSilent(end + one.Outlasts);
        yield return one.Trial("fires for what a process finds when it starts", For(firing, one.Trouble)).Fires(one.After, firing - 1);

        // A gauge of the store is absent until the first count after a start. Others are 0 until the first pass or check.
        string restart = one.OfStore ? Gone(2) : $"{Gone(1)} {For(2, 0)}";
        int back = firing + (one.OfStore ? 2 : 3);
        AlertTrial overRestart = one.Trial("fires again or still after a restart", $"{For(firing, one.Trouble)} {restart} {For(firing, one.Trouble)}");
        yield return one.Outlasts > 0 ? overRestart.Fires(Enumerable.Range(firing - 1, 12)) : overRestart.Fires(firing - 1, back + one.After, back + one.After + 50);
        if (one.OfJob)
        {
            yield return one.Trial("stays when another process takes the place of the first", $"{For(firing, one.Trouble)} {Gone(1)}")
                .With(one.Metric, $"_x{firing + 1} {For(50, one.Trouble)}", "b")
                .Fires(Enumerable.Range(firing - 1, 12));
        }
    }

    /// <summary>What an operator has acknowledged fires no alert, and what is new does.</summary>
    private static AlertTrial Acknowledged(Lasting one)
    {
        string acknowledged = one.Metric.Replace("\"false\"", "\"true\"", StringComparison.Ordinal);
        int from = one.After + 20;
        return one.Trial("is silent once the problem is acknowledged", $"{For(from, 1)} {For(100, 0)} {For(one.After + 10, 1)}")
            .With(acknowledged, $"{For(from, 0)} {For(100 + one.After + 10, 1)}")
            .Fires(from - 1).IsSilent(from + one.Outlasts + 1, from + 99).Fires(from + 100 + one.After);
    }

    private static string Open(string kind) => $"saga_recovery_problems{{kind=\"{kind}\",acknowledged=\"false\"}}";

    private static IEnumerable<AlertTrial> Counted(string alert, string metric)
    {
        yield return Trial("fires for an hour after an event", $"{For(90, 0)} {For(100, 1)}").IsSilent(89).Fires(90, 140).IsSilent(152);
        yield return Trial("fires for an event before the first scrape of a process", For(100, 1)).Fires(0, 50).IsSilent(62);
        yield return Trial("fires for an event before the first scrape after a restart", $"{For(120, 5)} {Gone(2)} {For(100, 1)}").IsSilent(119).Fires(122, 160).IsSilent(190);
        yield return Trial("is silent when a restart resets the counter", $"{For(120, 5)} {Gone(2)} {For(100, 0)}").IsSilent(Enumerable.Range(119, 60));

        AlertTrial Trial(string story, string values) => new AlertTrial(alert, story).With(metric, values).With(Fenced, For(240, 0));
    }

    private static IEnumerable<AlertTrial> NotRunning()
    {
        const string Alert = "SagaRecoveryNotRunning";
        yield return new AlertTrial(Alert, "fires while no process reports, and ends").With(Joined, $"{For(20, 1)} {Gone(100)} {For(10, 1)}")
            .IsSilent(19, 24).Fires(25, 70, 119).IsSilent(120);
        yield return new AlertTrial(Alert, "fires if none has ever reported").With("up", For(20, 0)).IsSilent(4).Fires(5, 19);
        yield return new AlertTrial(Alert, "is silent over a restart").With(Joined, $"{For(20, 1)} {Gone(3)} {For(20, 1)}").IsSilent(Enumerable.Range(15, 25));
    }

    private static IEnumerable<AlertTrial> MembershipTrials()
    {
        string fenced = $"{For(20, 0)} {For(100, 1)} {Gone(20)}";
        string joined = $"{For(20, 1)} {For(100, 0)} {Gone(20)}";
        yield return new AlertTrial("SagaRecoveryFenced", "fires until the fenced process is ended").With(Fenced, fenced).With(Joined, joined)
            .IsSilent(19, 24).Fires(25, 119).IsSilent(120);
        yield return new AlertTrial("SagaRecoveryFenced", "fires for a process that is fenced when it is first seen").With(Fenced, For(20, 1)).Fires(5);
        yield return new AlertTrial("SagaRecoveryNotJoined", "is silent for a fenced process").With(Fenced, fenced).With(Joined, joined).IsSilent(25, 119);
        yield return new AlertTrial("SagaRecoveryNoPassEnds", "is silent for a fenced process").With(Fenced, For(120, 1)).With("saga_recovery_pass_age_seconds", "0+60x119").IsSilent(119);
        yield return new AlertTrial("SagaRecoveryNotJoined", "fires from the start until the process joins").With(Fenced, For(120, 0)).With(Joined, $"{For(60, 0)} {For(60, 1)}")
            .IsSilent(4).Fires(5, 59).IsSilent(60);
        yield return new AlertTrial("SagaRecoveryNotJoined", "fires again after a restart").With(Fenced, $"{For(40, 0)} {Gone(1)} {For(40, 0)}").With(Joined, $"{For(40, 0)} {Gone(1)} {For(40, 0)}")
            .Fires(39, 46, 80);
    }

    private static IEnumerable<AlertTrial> Restarts()
    {
        const string Alert = "SagaRecoveryRestarts";
        yield return new AlertTrial(Alert, "fires while a process starts again and again, and ends half an hour later").With(Incarnation, $"{For(20, 7)} 8+1x30 {For(60, 38)}")
            .IsSilent(19, 22).Fires(23, 50, 70).IsSilent(81);
        yield return new AlertTrial(Alert, "fires for a process that is rarely seen between two crashes").With(Incarnation, "7 stale _ 9 stale _ _ 11 stale _ _ 13 stale _").Fires(12);
        yield return new AlertTrial(Alert, "is silent for updates and fail-overs").With(Incarnation, $"{For(20, 7)} {Gone(2)} {For(5, 8)} {For(5, 9)} {For(30, 10)}").IsSilent(Enumerable.Range(1, 60));
    }

    /// <summary>An alert on a gauge.</summary>
    /// <param name="Alert">The alert.</param>
    /// <param name="Metric">The gauge.</param>
    /// <param name="Trouble">A value at which the alert fires.</param>
    private sealed record Lasting(string Alert, string Metric, double Trouble)
    {
        /// <summary>The largest value in peace.</summary>
        public double Peace { get; init; }

        /// <summary>The minutes for which the trouble must last.</summary>
        public int After { get; init; }

        /// <summary>The minutes for which the alert outlasts the trouble, and a gap in the series.</summary>
        public int Outlasts { get; init; }

        /// <summary>True if the alert does not name the process, so that it outlasts that too.</summary>
        public bool OfJob { get; init; }

        /// <summary>True for a gauge that counts the whole store.</summary>
        public bool OfStore { get; init; }

        public AlertTrial Trial(string story, string values) => new AlertTrial(Alert, story).With(Metric, values).With(Fenced, For(800, 0));
    }
}
