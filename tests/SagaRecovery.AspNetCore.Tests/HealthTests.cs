using System.Net;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.AspNetCore.Health;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Fencing;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.AspNetCore.Tests;

[Collection(OnPostgres.Name)]
public sealed class HealthTests(PostgresCluster postgres)
{
    private static readonly TimeSpan OutageLimit = new SagaRecoveryHealthOptions().OutageLimit;
    private static readonly DateTimeOffset Noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);
    private static readonly RecoveryReport NotJoined = new() { Coordinator = new CoordinatorStatus(new CoordinatorId(Guid.NewGuid()), null, null), Period = TimeSpan.FromMinutes(10) };
    private static readonly RecoveryReport Joined = NotJoined with { Coordinator = NotJoined.Coordinator with { Incarnation = new Incarnation(3) } };

    [Fact]
    public void Until_it_has_joined_it_is_not_ready()
    {
        Of(NotJoined).Should().Be((HealthStatus.Unhealthy, "Not joined as a coordinator yet."));
        Of(NotJoined.After(Pass(PassResult.Failed) with { Error = "refused" })).Should().Be((HealthStatus.Unhealthy, "Not joined as a coordinator yet: refused."));
    }

    [Fact]
    public void Once_a_pass_has_succeeded_it_is_healthy() => Of(After(PassResult.Completed)).Status.Should().Be(HealthStatus.Healthy);

    [Fact]
    public void Sagas_that_fail_do_not_make_the_process_unhealthy() =>
        Of(After(PassResult.CompletedWithFailures, PassResult.CompletedWithFailures, PassResult.CompletedWithFailures)).Status.Should().Be(HealthStatus.Healthy);

    /// <summary>A probe must not end a pod because of a stuck saga, but a reader of the health learns of it.</summary>
    [Fact]
    public void Open_problems_are_named_and_leave_it_ready()
    {
        Of(After(PassResult.Completed) with { Problems = ProblemList.Of(Noon, [new Problem(ProblemKind.Stuck, "x", Noon, "why")], []) })
            .Should().Be((HealthStatus.Healthy, "The last pass succeeded; 1 problem (1 stuck)."));
    }

    /// <summary>Several passes fail within seconds. Only the time counts, since a fail-over takes its time.</summary>
    [Theory]
    [InlineData(0, HealthStatus.Degraded)]
    [InlineData(59, HealthStatus.Degraded)]
    [InlineData(60, HealthStatus.Unhealthy)]
    [InlineData(7200, HealthStatus.Unhealthy)]
    public void Failing_passes_degrade_it_and_make_it_unready_after_a_minute(int seconds, HealthStatus health)
    {
        PassResult[] results = [PassResult.Completed, .. Enumerable.Repeat(PassResult.Failed, 200)];

        Of(After(results), TimeSpan.FromSeconds(seconds)).Status.Should().Be(health);
        Of(After([.. results, PassResult.Completed]), TimeSpan.FromSeconds(seconds)).Status.Should().Be(HealthStatus.Healthy);
    }

    /// <summary>A pass over many sagas works for minutes before the database goes away.</summary>
    [Fact]
    public void The_time_for_which_passes_fail_begins_when_the_first_one_fails()
    {
        RecoveryReport report = Joined.After(Pass(PassResult.Failed) with { Duration = TimeSpan.FromMinutes(10) });

        Of(report, TimeSpan.FromMinutes(10)).Status.Should().Be(HealthStatus.Degraded);
        Of(report, TimeSpan.FromMinutes(11)).Status.Should().Be(HealthStatus.Unhealthy);
    }

    [Theory]
    [InlineData(0, HealthStatus.Healthy)]
    [InlineData(209, HealthStatus.Healthy)]
    [InlineData(210, HealthStatus.Unhealthy)]
    public void A_loop_without_progress_is_not_live(int seconds, HealthStatus health)
    {
        HealthCheckResult live = RecoveryHealth.EvaluateLiveness(Joined, TimeSpan.FromSeconds(seconds), TimeSpan.FromSeconds(210));

        live.Status.Should().Be(health);
        live.Data.Should().Contain("secondsSinceProgress", (long)seconds);
    }

    /// <summary>A restart brings back no database. A fenced process that joins again fences its successor, which restarts and fences it in turn.</summary>
    [Fact]
    public void A_process_that_is_fenced_drains_or_has_no_database_is_live()
    {
        RecoveryReport[] reports =
        [
            NotJoined,
            After(PassResult.Failed, PassResult.Failed, PassResult.Failed),
            After(PassResult.Failed) with { Coordinator = Joined.Coordinator with { Fenced = new FenceStatus(new Incarnation(4), Noon) } },
            Joined with { Drain = new DrainReport(Noon, new OperatorNote("ann", "version 2"), DrainPhase.WaitingForRuns, Reassigned: 5, 2) },
        ];

        reports.Should().AllSatisfy(report => RecoveryHealth.EvaluateLiveness(report, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(210)).Status.Should().Be(HealthStatus.Healthy));
    }

    [Fact]
    public void A_loop_that_is_not_running_yet_is_live() =>
        RecoveryHealth.EvaluateLiveness(NotJoined, sinceProgress: null, TimeSpan.FromSeconds(210)).Status.Should().Be(HealthStatus.Healthy);

    [Theory]
    [InlineData(2, HealthStatus.Healthy)]
    [InlineData(3, HealthStatus.Degraded)]
    [InlineData(100, HealthStatus.Degraded)]
    public void Runs_of_retention_that_fail_degrade_it_and_never_make_it_unhealthy(int failed, HealthStatus health)
    {
        var run = new RetentionRun(Noon, TimeSpan.FromSeconds(1)) { Error = "disk full" };
        Of(After(PassResult.Completed) with { Retention = new RetentionReport("succeeded after 30d") { LastRun = run, FailedInARow = failed } }).Status.Should().Be(health);
    }

    [Fact]
    public void Late_heartbeats_and_a_missing_listener_connection_degrade_it()
    {
        RecoveryReport late = After(PassResult.Completed) with { Heartbeat = new HeartbeatReport { LastWritten = Noon, LateSince = Noon, Error = "refused" } };
        Of(late, TimeSpan.FromSeconds(12)).Should().Be(
            (HealthStatus.Degraded, "No heartbeat has been written for 12s: refused. Other coordinators may take over the sagas of this process."));
        RecoveryReport deaf = After(PassResult.Completed) with { Heartbeat = new HeartbeatReport { LastWritten = Noon, ListenerError = "refused" } };
        Of(deaf).Should().Be(
            (HealthStatus.Degraded, $"No listener connection: refused. {HeartbeatReport.WithoutListener}"));
        Of(After(PassResult.Completed) with { Heartbeat = new HeartbeatReport { LastWritten = Noon } }).Status.Should().Be(HealthStatus.Healthy);
    }

    /// <summary>Errors and reasons come from outside, with and without a period, and with nothing at all.</summary>
    [Theory]
    [InlineData("Refused.")]
    [InlineData("Failed to connect: ")]
    [InlineData("late...")]
    [InlineData("refused")]
    [InlineData("")]
    public void Every_text_is_made_of_whole_sentences(string outside)
    {
        PassReport fails = Pass(PassResult.Failed) with { Error = outside };
        RecoveryReport passed = After(PassResult.Completed);
        var note = new OperatorNote("ann", outside);
        var heartbeat = new HeartbeatReport { LastWritten = Noon };
        var retention = new RetentionReport("succeeded after 30d") { LastRun = new RetentionRun(Noon, TimeSpan.FromSeconds(1)) { Error = outside }, FailedInARow = 3 };
        RecoveryReport[] reports =
        [
            NotJoined, NotJoined.After(fails), Joined, passed, passed.After(fails), passed.After(fails) with { FailingSince = Noon.AddDays(-1) },
            passed with { Coordinator = Joined.Coordinator with { Fenced = new FenceStatus(new Incarnation(4), Noon) } },
            passed with { Coordinator = Joined.Coordinator with { Incompatible = outside } },
            passed with { Heartbeat = heartbeat with { LateSince = Noon } },
            passed with { Heartbeat = heartbeat with { LateSince = Noon, Error = outside } },
            passed with { Heartbeat = heartbeat with { ListenerError = outside } },
            passed with { Retention = retention },
            passed with { Paused = new RecoveryPause(Noon, note) },
            passed with { Problems = ProblemList.Of(Noon, [new Problem(ProblemKind.Stuck, "x", Noon, "why")], []) },
            .. Enum.GetValues<DrainPhase>().Select(phase => passed with { Drain = new DrainReport(Noon, note, phase, Reassigned: 5, Left: 2) }),
            passed with { Drain = new DrainReport(Noon, note, DrainPhase.Incomplete, Reassigned: 5, Left: 2) { Paused = [Joined.Coordinator.Id] } },
        ];

        string[] texts =
        [
            .. reports.Select(report => Of(report).Description!),
            RecoveryHealth.EvaluateLiveness(passed, sinceProgress: null, OutageLimit).Description!,
            RecoveryHealth.EvaluateLiveness(passed, TimeSpan.Zero, OutageLimit).Description!,
            RecoveryHealth.EvaluateLiveness(passed with { CurrentPass = fails.Start }, TimeSpan.FromHours(1), OutageLimit).Description!,
        ];

        texts.Distinct().Should().HaveCountGreaterThan(15);
        texts.Should().AllSatisfy(text =>
        {
            text.Should().MatchRegex(@"^[A-Z].*[^.:,; ]\.$").And.NotMatchRegex(@"\.\.|\.:|: ?\.|\. \.|  ").And.NotContain(" : ");
            text.TrimEnd('.').Split(". ").Should().OnlyHaveUniqueItems("no sentence is said twice");
        });
    }

    [Fact]
    public void A_fenced_process_is_unhealthy() =>
        Of(After(PassResult.Completed) with { Coordinator = Joined.Coordinator with { Fenced = new FenceStatus(new Incarnation(4), Noon) } })
            .Should().Be((HealthStatus.Unhealthy, "Fenced by incarnation 4: a newer process has joined under this coordinator id. Stop this process."));

    [Fact]
    public void A_process_that_cannot_work_with_its_store_is_unhealthy_from_the_first_attempt_on()
    {
        string reason = $"The tables are too new. {new string('x', 300)} Deploy a newer package.";
        RecoveryReport report = After(PassResult.Failed) with { Coordinator = NotJoined.Coordinator with { Incompatible = reason } };

        Of(report).Should().Be((HealthStatus.Unhealthy, $"Incompatible store: {reason}"));
    }

    [Fact]
    public void Its_data_hold_the_counts_of_paused_held_and_stalled_sagas()
    {
        RecoveryReport report = After(PassResult.Completed) with
        {
            Paused = new RecoveryPause(Noon, new OperatorNote("ann", "a look")),
            HeldCount = 2,
            WaitingCount = 4,
            Stalled = new StalledSagas(Noon, 5, []),
        };

        HealthCheckResult result = RecoveryHealth.EvaluateReadiness(report, Noon, OutageLimit);

        result.Status.Should().Be(HealthStatus.Healthy);
        result.Description.Should().Be("Paused by ann: a look.");
        result.Data.Should().Contain("paused", true).And.Contain("held", 2).And.Contain("waiting", 4).And.Contain("stalled", 5)
            .And.Contain("incarnation", 3L).And.Contain("lastPass", "Completed").And.Contain("coordinator", report.Coordinator.Id.ToString());
    }

    [Theory]
    [InlineData(DrainPhase.WaitingForRuns, "Running sagas may finish.")]
    [InlineData(DrainPhase.Reassigning, "The remaining sagas are being reassigned.")]
    [InlineData(DrainPhase.Drained, "No sagas remain. The process can be stopped.")]
    [InlineData(DrainPhase.Incomplete, "Unfinished sagas: 2. They resume when this process starts again.")]
    [InlineData(DrainPhase.Unanswered, "The database did not respond. Request the drain again.", 0)]
    public void While_it_drains_it_is_not_ready_and_reports_its_progress(DrainPhase phase, string says, long left = 2)
    {
        RecoveryReport report = After(PassResult.Completed) with { Drain = new DrainReport(Noon, new OperatorNote("ann", "version 2"), phase, Reassigned: 5, left) };

        HealthCheckResult result = RecoveryHealth.EvaluateReadiness(report, Noon, OutageLimit);

        result.Status.Should().Be(HealthStatus.Unhealthy);
        result.Description.Should().Be($"Draining, requested by ann: version 2. No new sagas start. {says}");
        result.Data.Should().Contain("draining", true).And.Contain("drain", phase.ToString()).And.Contain("drainReassigned", 5L).And.Contain("drainLeft", left);
    }

    [Fact]
    public void Sagas_that_other_nodes_left_behind_are_reported_and_do_not_degrade_this_process()
    {
        RecoveryReport report = After(PassResult.Completed) with { Cluster = new ClusterReport(Noon, new UnownedSagas(3, Noon), new UnownedSagas(4, Noon)) };

        HealthCheckResult result = RecoveryHealth.EvaluateReadiness(report, Noon, OutageLimit);

        result.Status.Should().Be(HealthStatus.Healthy);
        result.Data.Should().Contain("orphans", 3L).And.Contain("ownerDown", 4L);
    }

    [Fact]
    public void An_error_is_cut_to_one_line()
    {
        RecoveryReport report = Joined.After(Pass(PassResult.Failed) with { Error = "first\nsecond" + new string('x', 5000) });

        HealthCheckResult result = RecoveryHealth.EvaluateReadiness(report, Noon, OutageLimit);

        result.Data["error"].Should().BeOfType<string>().Which.Should().StartWith("first second").And.HaveLength(PlainText.Longest + 1);
        result.Description.Should().HaveLength("The last pass failed: .".Length + PlainText.Longest + 1);
    }

    [Fact]
    public async Task A_service_maps_each_check_by_its_tag()
    {
        await using TestService service = TestService.Build(
            await postgres.NewDatabaseAsync(), services: builder => builder.Services.AddHealthChecks().AddSagaRecovery());
        service.App.MapHealthChecks("/live", new HealthCheckOptions { Predicate = check => check.Tags.Contains("live") });
        service.App.MapHealthChecks("/ready", new HealthCheckOptions { Predicate = check => check.Tags.Contains("ready") });
        await service.App.StartAsync();
        await Eventually.HoldsAsync(async () => (await service.Http.GetAsync("/ready")).StatusCode == HttpStatusCode.OK, "it was ready");
        (await service.Http.GetAsync("/live")).StatusCode.Should().Be(HttpStatusCode.OK);
        HealthReport all = await service.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();

        service.App.Services.GetRequiredService<SagaDrain>().Begin(new OperatorNote("ann", "version 2"), TimeSpan.FromHours(1));

        all.Entries.Select(check => (check.Key, check.Value.Tags.Single())).Should().BeEquivalentTo([("saga-recovery-live", "live"), ("saga-recovery-ready", "ready")]);
        (await service.Http.GetAsync("/ready")).StatusCode.Should().Be(HttpStatusCode.ServiceUnavailable);
        (await service.Http.GetAsync("/live")).StatusCode.Should().Be(HttpStatusCode.OK, "it must not be killed while it drains");
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 0)]
    [InlineData(1, -1)]
    public void Limits_must_be_positive(int outageLimit, int hangLimit) => FluentActions.Invoking(() => new ServiceCollection().AddHealthChecks().AddSagaRecovery(
        options => (options.OutageLimit, options.HangLimit) = (TimeSpan.FromSeconds(outageLimit), TimeSpan.FromSeconds(hangLimit)))).Should().Throw<ArgumentOutOfRangeException>();

    private static (HealthStatus Status, string? Description) Of(RecoveryReport report, TimeSpan later = default)
    {
        HealthCheckResult result = RecoveryHealth.EvaluateReadiness(report, Noon + later, OutageLimit);
        return (result.Status, result.Description);
    }

    private static RecoveryReport After(params PassResult[] results) => results.Aggregate(Joined, (report, result) => report.After(Pass(result)));

    private static PassReport Pass(PassResult result) => new(new PassStart(1, PassReason.Periodic, Noon)) { Result = result };
}
