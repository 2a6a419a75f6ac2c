using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Core.Tests.Status;

/// <summary>The report as an operator reads it, whole, letter by letter.</summary>
public class RecoveryReportTextTests
{
    private static readonly DateTimeOffset StartedAt = new(2026, 11, 22, 18, 33, 34, 620, TimeSpan.Zero);
    private static readonly SagaId Demo = SagaId.Parse("052247e0-853d-4d16-80e7-7c618d97edd8");
    private static readonly SagaId Disk = SagaId.Parse("9aa1e6c5-1f4b-4f0e-8f3a-2d1f0c9b7a61");

    private static readonly CoordinatorStatus Coordinator = new(
        new CoordinatorId(Guid.Parse("a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f")), new Incarnation(7), Fenced: null);

    [Fact]
    public void Sagas_that_wait_for_a_slot_are_shown_by_definition_the_most_first()
    {
        RecoveryReport report = AfterAPass() with { SlotBacklog = [new SlotBacklog("few", 3, null), new SlotBacklog("many", 900_000, StartedAt.AddMinutes(-2))] };

        RecoveryReportText.Render(report, StartedAt).Should().Contain(
            """
                sagas waiting for a slot (900003): 900003 not loaded
                    COUNT      IDLE_FOR   DEFINITION
                    900000     2m         many
                    3                     few

            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Sagas_that_are_queued_in_the_executor_are_counted_with_those_that_are_not_loaded()
    {
        RecoveryReport report = AfterAPass() with { SlotBacklog = [new SlotBacklog("few", 3, null)], QueuedInExecutor = 4 };

        report.WaitingForSlot.Should().Be(7);
        RecoveryReportText.Render(report, StartedAt).Should().Contain("\n    sagas waiting for a slot (7): 3 not loaded, 4 loaded and queued in the executor\n        COUNT ");
        RecoveryReportText.Render(report with { SlotBacklog = [] }, StartedAt).Should().EndWith("\n    sagas waiting for a slot (4): 0 not loaded, 4 loaded and queued in the executor\n");
        RecoveryReportText.Render(report with { SlotBacklog = [], QueuedInExecutor = 0 }, StartedAt).Should().NotContain("sagas waiting for a slot");
    }

    [Fact]
    public void A_pass_that_read_interrupted_runs_shows_how_many_failed_and_how_many_recoveries_are_taken_back()
    {
        RecoveryReport report = AfterAPass();

        RecoveryReportText.Render(report with { LastPass = report.LastPass! with { Recovered = 1, Interrupted = 12, FailedRuns = 2, TakenBack = 1 } }, StartedAt).Should().Contain(
            """
                    not attempted:      0
                    interrupted runs: 12 (ended before their saga, as this pass has read)
                    failed runs:       2 (interrupted without a request of an operator; count as recovery errors)
                    taken back:        1 (counted as recovered before, and no longer do)

            """.ReplaceLineEndings("\n"));
        RecoveryReportText.Render(report, StartedAt).Should().NotContain("interrupted runs:");
    }

    [Theory]
    [InlineData("a look")]
    [InlineData("a look.")]
    [InlineData("a look: ")]
    public void The_reason_of_an_operator_ends_with_one_period_inside_a_sentence(string reason)
    {
        RecoveryReport report = AfterAPass() with
        {
            Paused = new RecoveryPause(StartedAt, new OperatorNote("ann", reason)),
            Heartbeat = new HeartbeatReport { LateSince = StartedAt, Error = reason, ListenerError = reason },
        };

        RecoveryReportText.Render(report, StartedAt.AddSeconds(3)).Should()
            .Contain("  PAUSED 3s ago by ann: a look. No saga is recovered until recovery is resumed.\n")
            .And.Contain("  HEARTBEAT LATE: none written for 3s: a look. Other coordinators may take over the sagas of this process.\n")
            .And.Contain("  NO LISTENER CONNECTION: a look. Heartbeats use the pool. Sagas assigned to this process are found at the next heartbeat. "
                + "Operator actions in other processes, such as a release, take effect here at the next periodic pass.\n");
    }

    [Fact]
    public void A_healthy_report_reads_like_that_of_the_model()
    {
        var pass = new PassReport(new PassStart(3, PassReason.Explicit, StartedAt))
        {
            Duration = TimeSpan.FromMilliseconds(8),
            Removed = 31,
        };
        var report = new RecoveryReport
        {
            Coordinator = Coordinator,
            Period = TimeSpan.FromMinutes(10),
            LastPass = pass,
            Totals = new RecoveryTotals { Passes = 3, Recovered = 31, InferredFinished = 31 },
            RecentlyRecovered = [new RecoveredSaga(StartedAt.AddMinutes(-1).AddSeconds(-2), Demo, "demo", TimeSpan.FromSeconds(1))],
        };

        RecoveryReportText.Render(report, StartedAt.AddSeconds(3)).Should().Be(
            """
            task: "saga_recovery"
              coordinator: a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f, incarnation 7
              configured period: every 10m
              currently executing: no
              last completed activation: iter 3, triggered by a request
                started at 2026-11-22T18:33:34.620Z (3s ago) and ran for 8ms
                since start:
                    sagas recovered:         31
                    sagas recovery errors:    0
                    sagas observed started:   0
                    sagas inferred finished: 31
                    missing from executor:    0
                    bad state in executor:    0
                    sagas readopted:          0
                    sagas abandoned:          0
                    hints missed:             0 (assigned here, found only by a periodic pass)
                    protocol violations:      0
                    passes:                   3 (0 failed)
                last pass:
                    found sagas:         0 (in progress, owned by this coordinator)
                    recovered:           0 (successfully)
                    failed:              0
                    skipped:             0 (already running or queued in this process)
                    removed:            31 (newly finished)
                    starting:            0 (too new for the listing)
                    unknown definition:  0 (definition missing from this binary)
                    backing off:         0 (failed before, not due yet)
                    held:                0 (until released)
                    paused:              0 (until recovery is resumed)
                    deferred:            0 (after a crash, until other sagas pass their probation)
                    waiting for a slot:  0 (not loaded until the executor has capacity)
                    abandoned:           0 (proven corrupt)
                    unreadable:          0 (row could not be read)
                    superseded:          0 (changed since the listing)
                    not attempted:       0
                recently recovered sagas (1):
                    TIME                  SAGA_ID                               NAME
                    2026-11-22T18:32:32Z  052247e0-853d-4d16-80e7-7c618d97edd8  demo
                no saga recovery failures

            """);
    }

    [Fact]
    public void Steps_that_are_retried_or_do_not_end_are_listed_with_their_attempts()
    {
        var retried = new StepInProgress("disk", IsUndo: false, 14, StartedAt.AddMinutes(-20))
        {
            LastError = "IOException: full\nforged line", NextAttempt = StartedAt.AddSeconds(30),
        };
        var hanging = new StepInProgress("net", IsUndo: true, 1, StartedAt.AddHours(-3)) { AttemptSince = StartedAt.AddHours(-3) };
        var report = new RecoveryReport
        {
            Coordinator = Coordinator,
            Period = TimeSpan.FromMinutes(10),
            LastPass = new PassReport(new PassStart(3, PassReason.Explicit, StartedAt)),
            Stalled = new StalledSagas(StartedAt, 1, [new StalledSaga(Disk, "vm-create", StartedAt.AddHours(-3), "net undo started")
            {
                Run = new SagaRunProgress(Disk, "vm-create", RunPhase.Running, [hanging]),
            }]),
            Steps = new StepReport(StartedAt)
            {
                Retrying = [new SagaStep(Demo, "demo", retried, IsOverdue: true)],
                RetryingCount = 3,
                OverdueCount = 1,
                Hanging = [new SagaStep(Disk, "vm-create", hanging, IsOverdue: true)],
                HangingCount = 1,
            },
        };

        RecoveryReportText.Render(report, StartedAt).Should().EndWith(
            """
                stalled sagas (1, as of 0ms ago):
                    LAST_EVENT            SAGA_ID                               DETAIL
                    2026-11-22T15:33:34Z  9aa1e6c5-1f4b-4f0e-8f3a-2d1f0c9b7a61  vm-create: net undo started, undo of net, attempt 1 running for 3h
                steps being retried (3, 1 of them for too long, as of 0ms ago):
                    SINCE                 SAGA_ID                               DETAIL
                    2026-11-22T18:13:34Z  052247e0-853d-4d16-80e7-7c618d97edd8  demo: FOR TOO LONG, action of disk, attempt 14 failed, the next in 30s; last error: IOException: full forged line
                    … and 2 more
                steps that do not end (1, as of 0ms ago):
                    SINCE                 SAGA_ID                               DETAIL
                    2026-11-22T15:33:34Z  9aa1e6c5-1f4b-4f0e-8f3a-2d1f0c9b7a61  vm-create: undo of net, attempt 1 running for 3h

            """);
    }

    [Fact]
    public void A_report_of_trouble_is_complete_and_cannot_be_forged()
    {
        string endless = new string('x', 199) + "\U0001F525" + new string('y', 100_000);
        var report = new RecoveryReport
        {
            Coordinator = Coordinator with { Fenced = new FenceStatus(new Incarnation(8), StartedAt.AddSeconds(-30)) },
            Period = TimeSpan.FromSeconds(90),
            CurrentPass = new PassStart(1235, PassReason.Due, StartedAt.AddSeconds(1)),
            LastPass = new PassReport(new PassStart(1234, PassReason.Retry, StartedAt))
            {
                Duration = TimeSpan.FromHours(3),
                Result = PassResult.CompletedWithFailures,
                Found = 7,
                Recovered = 1,
                Failed = 2,
                UnknownDefinition = 1,
                Abandoned = 1,
                Unreadable = 2,
            },
            Totals = new RecoveryTotals { Passes = 1234, FailedPasses = 12, Recovered = 1, Failed = 2, Abandoned = 1, ProtocolViolations = 4 },
            RecentlyRecovered = [new RecoveredSaga(StartedAt, Demo, "demo\r\n    no saga recovery failures\u001b[2J", TimeSpan.FromSeconds(1))],
            RecentFailures = [new FailedSaga(StartedAt, Disk, "disk", endless), new FailedSaga(StartedAt, Demo, "demo", "up\u2028is\u202edown\u0085end")],
            Waiting =
            [
                new WaitingSaga(Disk, "disk", WaitingKind.BackingOff, StartedAt, 3, StartedAt.AddSeconds(44), "time-out\nof the loader"),
                new WaitingSaga(Demo, "demo", WaitingKind.UnknownDefinition, StartedAt, 0, NextTry: null, "definition demo v7 is unknown"),
                new WaitingSaga(Demo, "demo", WaitingKind.BackingOff, StartedAt, 1, StartedAt.AddSeconds(2), "is due now"),
            ],
            WaitingCount = 5,
        };

        RecoveryReportText.Render(report, StartedAt.AddSeconds(2)).Should().Be(
            $"""
            task: "saga_recovery"
              coordinator: a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f, incarnation 7
              FENCED by incarnation 8 32s ago: a newer process has joined under this coordinator id. This process has stopped its sagas and accepts no new work. Stop it.
              configured period: every 90s
              currently executing: iter 1235, triggered by sagas due for a retry, for 1s
              last completed activation: iter 1234, triggered by the failure of the previous pass
                started at 2026-11-22T18:33:34.620Z (2s ago) and ran for 3h
                completed, but 2 of 7 sagas failed
                since start:
                    sagas recovered:            1
                    sagas recovery errors:      2
                    sagas observed started:     0
                    sagas inferred finished:    0
                    missing from executor:      0
                    bad state in executor:      0
                    sagas readopted:            0
                    sagas abandoned:            1
                    hints missed:               0 (assigned here, found only by a periodic pass)
                    protocol violations:        4
                    passes:                  1234 (12 failed)
                last pass:
                    found sagas:        7 (in progress, owned by this coordinator)
                    recovered:          1 (successfully)
                    failed:             2
                    skipped:            0 (already running or queued in this process)
                    removed:            0 (newly finished)
                    starting:           0 (too new for the listing)
                    unknown definition: 1 (definition missing from this binary)
                    backing off:        0 (failed before, not due yet)
                    held:               0 (until released)
                    paused:             0 (until recovery is resumed)
                    deferred:           0 (after a crash, until other sagas pass their probation)
                    waiting for a slot: 0 (not loaded until the executor has capacity)
                    abandoned:          1 (proven corrupt)
                    unreadable:         2 (row could not be read)
                    superseded:         0 (changed since the listing)
                    not attempted:      0
                recently recovered sagas (1):
                    TIME                  SAGA_ID                               NAME
                    2026-11-22T18:33:34Z  052247e0-853d-4d16-80e7-7c618d97edd8  demo      no saga recovery failures [2J
                recent sagas recovery failures (2):
                    TIME                  SAGA_ID                               MESSAGE
                    2026-11-22T18:33:34Z  9aa1e6c5-1f4b-4f0e-8f3a-2d1f0c9b7a61  {new string('x', 199)}…
                    2026-11-22T18:33:34Z  052247e0-853d-4d16-80e7-7c618d97edd8  up is down end
                sagas waiting to be recovered (5):
                    NEXT_TRY   SAGA_ID                               REASON
                    in 42s     9aa1e6c5-1f4b-4f0e-8f3a-2d1f0c9b7a61  time-out of the loader
                    next pass  052247e0-853d-4d16-80e7-7c618d97edd8  definition demo v7 is unknown
                    due        052247e0-853d-4d16-80e7-7c618d97edd8  is due now
                    … and 2 more

            """);
    }

    [Fact]
    public void The_cluster_comes_first_and_operator_actions_name_their_targets()
    {
        var stranger = new CoordinatorId(Guid.Parse("b0000000-0000-4000-8000-000000000001"));
        RecoveryReport report = AfterAPass() with
        {
            Drain = new DrainReport(StartedAt, new OperatorNote("ann", "version 2"), DrainPhase.Incomplete, Reassigned: 5, Left: 2),
            Cluster = new ClusterReport(StartedAt, new UnownedSagas(3, StartedAt.AddMinutes(-5)), new UnownedSagas(4, StartedAt.AddHours(-5))),
            Unresolved = new UnresolvedSagas(StartedAt, new UnownedSagas(1, StartedAt.AddHours(-2)), new UnownedSagas(UnresolvedSagas.MaxCount, StartedAt.AddHours(-9))),
            RecentActions =
            [
                Action(OperatorActionKind.Pause), Action(OperatorActionKind.InjectError, Demo), Action(OperatorActionKind.TakeOver), Action(OperatorActionKind.Reassign) with { Coordinator = null }, Action(OperatorActionKind.Drain),
            ],
        };

        string text = RecoveryReportText.Render(report, StartedAt.AddSeconds(3));

        text.Should().Contain(
            """
              DRAINING for 3s, requested by ann: version 2. No new sagas start. 5 reassigned, 2 left, which resume at the next start.
              ORPHANS: 3 unfinished sagas in this database whose owner is not a known coordinator, the oldest 5m old (as of 3s ago). List them by owner with 'coordinators orphans', then reassign them.
              OWNER DOWN: 4 unfinished sagas in this database whose owner does not respond, the oldest 5h old (as of 3s ago). List them by owner with 'coordinators orphans', then reassign them.
              STUCK: 1 saga in this database, the oldest started 2h ago (as of 3s ago). List them with 'sagas list --state stuck'.
              ABANDONED: 10,000 sagas or more in this database, the oldest started 9h ago (as of 3s ago). List them with 'sagas list --state abandoned'.
              configured period:
            """).And.EndWith(
            """
                operator actions (5):
                    TIME                  ACTION        ON                                                BY
                    2026-11-22T18:33:34Z  pause         recovery                                          ann: why
                    2026-11-22T18:33:34Z  inject-error  052247e0-853d-4d16-80e7-7c618d97edd8              ann: why
                    2026-11-22T18:33:34Z  take-over     coordinator b0000000-0000-4000-8000-000000000001  ann: why
                    2026-11-22T18:33:34Z  reassign      unowned sagas                                     ann: why
                    2026-11-22T18:33:34Z  drain         coordinator b0000000-0000-4000-8000-000000000001  ann: why

            """);

        OperatorAction Action(OperatorActionKind kind, SagaId? saga = null) => new(1, StartedAt, kind, saga, new OperatorNote("ann", "why")) { Coordinator = stranger };
    }

    [Fact]
    public void A_report_before_the_first_pass_is_short()
    {
        var report = new RecoveryReport { Coordinator = Coordinator with { Incarnation = null }, Period = TimeSpan.FromHours(2) };

        RecoveryReportText.Render(report, StartedAt).Should().Be(
            """
            task: "saga_recovery"
              coordinator: a4ef738a-1fb0-47b1-9da2-4919c7ec7c7f (not joined yet)
              configured period: every 2h
              currently executing: no
              last completed activation: none yet

            """);
    }

    [Fact]
    public void A_store_of_an_incompatible_version_is_named_below_the_coordinator()
    {
        var report = new RecoveryReport
        {
            Coordinator = Coordinator with { Incarnation = null, Incompatible = "the tables are at version 9\r\nDeploy a package." },
            Period = TimeSpan.FromHours(2),
        };

        RecoveryReportText.Render(report, StartedAt).Should().Contain("(not joined yet)\n  INCOMPATIBLE STORE: the tables are at version 9  Deploy a package.\n");
    }

    [Theory]
    [InlineData(PassResult.Failed, "the database\r\nis away", "    FAILED: the database  is away\n")]
    [InlineData(PassResult.Failed, null, "    FAILED: \n")]
    [InlineData(PassResult.CutShort, null, "    cut short: 2 sagas not attempted\n")]
    [InlineData(PassResult.CompletedWithFailures, null, "    completed, but 1 of 4 sagas failed\n")]
    public void A_pass_that_was_not_a_complete_recovery_reports_it(PassResult result, string? error, string line)
    {
        RecoveryReport report = AfterAPass() with
        {
            LastPass = new PassReport(new PassStart(3, PassReason.Startup, StartedAt))
            {
                Result = result,
                Error = error,
                Found = 4,
                Failed = 1,
                NotAttempted = 2,
            },
        };

        RecoveryReportText.Render(report, StartedAt).Should().Contain("and ran for 0ms\n" + line + "    since start:\n");
    }

    [Fact]
    public void Empty_histories_are_stated_in_words() => RecoveryReportText.Render(AfterAPass(), StartedAt)
        .Should().EndWith("not attempted:      0\n    no sagas recovered\n    no saga recovery failures\n");

    [Fact]
    public void A_report_that_names_every_waiting_saga_mentions_no_others()
    {
        RecoveryReport report = AfterAPass() with { Waiting = [new WaitingSaga(Demo, "demo", WaitingKind.UnknownDefinition, StartedAt, 0, NextTry: null, "unknown")], WaitingCount = 1 };

        RecoveryReportText.Render(report, StartedAt).Should().EndWith(
            $"""
                sagas waiting to be recovered (1):
                    NEXT_TRY   SAGA_ID                               REASON
                    next pass  {Demo}  unknown

            """);
    }

    [Theory]
    [InlineData(200, 200, "")]
    [InlineData(201, 200, "…")]
    public void A_message_is_cut_where_it_exceeds_200_characters(int length, int shown, string ellipsis)
    {
        RecoveryReport report = AfterAPass() with { RecentFailures = [new FailedSaga(StartedAt, Disk, "disk", new string('x', length))] };

        RecoveryReportText.Render(report, StartedAt).Should().EndWith($"  {Disk}  {new string('x', shown)}{ellipsis}\n");
    }

    [Theory]
    [InlineData(-1, "0ms")] // the clock was set back
    [InlineData(0, "0ms")]
    [InlineData(999, "999ms")]
    [InlineData(1_000, "1s")]
    [InlineData(119_999, "119s")]
    [InlineData(120_000, "2m")]
    [InlineData(7_199_999, "119m")]
    [InlineData(7_200_000, "2h")]
    public void A_duration_is_written_in_the_largest_precise_unit(int milliseconds, string text)
    {
        DateTimeOffset now = StartedAt.AddMilliseconds(milliseconds);

        RecoveryReportText.Render(AfterAPass(), now).Should().Contain($"started at 2026-11-22T18:33:34.620Z ({text} ago) and ran for 0ms\n");
    }

    [Theory]
    [InlineData(PassReason.WithdrawnStart, "a withdrawn start")]
    [InlineData(PassReason.InterruptedRun, "an interrupted run")]
    [InlineData(PassReason.Periodic, "a periodic timer firing")]
    [InlineData(PassReason.Retry, "the failure of the previous pass")]
    [InlineData(PassReason.Due, "sagas due for a retry")]
    [InlineData(PassReason.UnreadStarts, "too many unread starts")]
    [InlineData(PassReason.Startup, "the start of the process")]
    [InlineData(PassReason.Explicit, "a request")]
    public void The_reason_of_a_pass_is_written_in_words(PassReason reason, string words)
    {
        var report = new RecoveryReport
        {
            Coordinator = Coordinator,
            Period = TimeSpan.FromMinutes(10),
            CurrentPass = new PassStart(1, reason, StartedAt),
        };

        RecoveryReportText.Render(report, StartedAt.AddMinutes(5)).Should().Contain($"currently executing: iter 1, triggered by {words}, for 5m\n");
    }

    private static RecoveryReport AfterAPass() => new()
    {
        Coordinator = Coordinator,
        Period = TimeSpan.FromMinutes(10),
        LastPass = new PassReport(new PassStart(3, PassReason.Startup, StartedAt)),
    };
}
