using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using SagaRecovery.Diagnostics;
using SagaRecovery.Executor.Tests.Postgres;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Hosting;
using SagaRecovery.Operations;
using SagaRecovery.Status;

namespace SagaRecovery.Executor.Tests.Telemetry;

/// <summary>Metrics agree with the status, and dashboard and alerts use only metrics that exist.</summary>
public sealed partial class TelemetryTests(PostgresCluster cluster) : IClassFixture<PostgresCluster>, IAsyncLifetime
{
    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly Gate _gate = new();
    private string _database = null!;

    public async ValueTask InitializeAsync() => _database = await cluster.NewDatabaseAsync();

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    [Fact]
    public async Task Metrics_count_what_the_status_counts()
    {
        await LeaveBehindAsync(3);
        await using PostgresHost host = await StartAsync();
        using var reading = new MeterReading(host.Services);
        await host.ActivateAsync();
        SagaHandle started = await host.Client.StartAsync(host.Saga("gated"), "");
        await host.ActivateAsync();

        RecoveryReport report = host.Status.Current;
        report.Totals.Recovered.Should().Be(3);
        reading.Read("saga_recovery.passes").Should().Be(report.Totals.Passes);
        reading.Read("saga_recovery.sagas", "outcome=recovered").Should().Be(report.Totals.Recovered);
        reading.Read("saga_recovery.sagas", "outcome=skipped").Should().Be(report.RecentPasses.Sum(pass => pass.Skipped));
        reading.Read("saga_recovery.sagas.found").Should().Be(report.RecentPasses.Sum(pass => pass.Found));
        reading.Read("saga_recovery.starts.observed").Should().Be(report.Totals.ObservedStarts).And.Be(1);
        reading.Read("saga_recovery.tracked").Should().Be(report.Tracked).And.Be(4);
        reading.Read("saga_recovery.time_to_recover").Should().BeApproximately(report.TimeToRecover.Sum.TotalSeconds, 0.001).And.BeGreaterThan(0);
        reading.Read("saga_recovery.joined").Should().Be(1);
        reading.Read("saga_recovery.runs").Should().Be(4);

        _gate.Open();
        await started.Completion.Soon();
        await host.ActivateAsync();
        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.runs") == 0, "all runs had ended");
        reading.Read("saga_recovery.runs.ended", "result=succeeded").Should().Be(4);
        reading.Read("saga_recovery.runs.ended", "definition=gated").Should().Be(4);
        reading.Read("saga_recovery.events.written").Should().Be(5, "three had begun before; the fourth began and ended here");
        reading.Instruments.Should().OnlyContain(one => !string.IsNullOrEmpty(one.Description));
        reading.TagValues.Should().NotContain(value => IsId(value), "no metric carries a saga's id");
    }

    [Fact]
    public async Task Runs_and_retried_steps_are_counted_by_definition()
    {
        var patient = new NodePolicy { Action = new StepPolicy { Delay = TimeSpan.FromHours(1), MaxDelay = TimeSpan.FromHours(1) } };
        var flaky = new TestSaga("flaky", saga => saga.Node("call", patient, _ => Task.FromException(new TimeoutException("no answer"))));
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, flaky, TestSaga.Gated(_gate));
        using var reading = new MeterReading(host.Services);
        await host.Client.StartAsync(host.Saga("gated"), "");
        await host.Client.StartAsync(flaky, "");

        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.steps.retrying") == 1, "the step is being retried");
        (reading.Read("saga_recovery.steps.retrying", "definition=flaky"), reading.Read("saga_recovery.steps.retrying", "definition=gated")).Should().Be((1, 0));
        (reading.Read("saga_recovery.runs", "definition=flaky"), reading.Read("saga_recovery.runs", "definition=gated")).Should().Be((1, 1));
        reading.Read("saga_recovery.runs.waiting").Should().Be(0);
        reading.TagsOf("saga_recovery.runs.waiting", "definition").Should().BeEquivalentTo("flaky", "gated");
    }

    /// <summary>A query for an increase does not see the first sample of a series, which must therefore be 0.</summary>
    [Fact]
    public async Task Each_result_of_each_definition_is_counted_from_zero_also_by_an_exporter_that_starts_last()
    {
        var exporter = new LateExporter();
        await using PostgresHost host = await PostgresHost.StartAsync(
            _database, _coordinator, services => services.AddSingleton<IHostedService>(provider => exporter.Of(provider)), TestSaga.Gated(_gate));

        exporter.Reading.Read("saga_recovery.runs.ended").Should().Be(0);
        exporter.Reading.TagsOf("saga_recovery.runs.ended", "result").Should().BeEquivalentTo("succeeded", "unwound", "cancelled", "stuck", "interrupted");
        exporter.Reading.TagsOf("saga_recovery.passes", "result").Should().BeEquivalentTo("completed", "completed_with_failures", "cut_short", "failed");
        exporter.Reading.TagsOf("saga_recovery.sagas", "outcome").Should().HaveCount(14).And.Contain(["recovered", "failed", "abandoned", "unreadable"]);
        exporter.Reading.TagsOf("saga_recovery.retention.runs", "result").Should().BeEquivalentTo("completed", "elsewhere", "failed");
        exporter.Reading.Instruments.Where(one => one is Counter<long>).Select(one => one.Name).Should().HaveCountGreaterThan(15)
            .And.BeSubsetOf(exporter.Reading.Measured, "each counter begins before its first event");
        await host.ActivateAsync();
        exporter.Reading.TagsOf("saga_recovery.sagas", "outcome").Should().HaveCount(14, "a pass counts no outcome that has not begun");
    }

    /// <summary>A 0 between the start of a process and its first count would end an alert on sagas that are still stuck.</summary>
    [Fact]
    public async Task What_is_not_known_yet_is_absent_and_not_zero()
    {
        var exporter = new LateExporter();
        await using PostgresHost host = await PostgresHost.StartAsync(
            _database,
            _coordinator,
            services => services
                .PostConfigure<SagaRecoveryOptions>(options => options.StalledCheckPeriod = TimeSpan.FromMilliseconds(50))
                .AddSingleton<IHostedService>(provider => exporter.Of(provider)));
        exporter.MeasuredAtFirst.Should().Contain("saga_recovery.joined").And.NotContain("saga_recovery.stuck").And.NotContain("saga_recovery.orphans.age");

        await Eventually.HoldsAsync(() => host.Status.Current.Unresolved is not null && host.Status.Current.Cluster is not null, "the store was counted");
        exporter.Reading.Read("saga_recovery.stuck").Should().Be(0);
        exporter.Reading.Measured.Should().Contain(["saga_recovery.stuck", "saga_recovery.stuck.age", "saga_recovery.orphans.age", "saga_recovery.incarnation"]);
    }

    [Fact]
    public void Definitions_have_labels_of_their_own_up_to_a_limit_the_same_ones_in_each_process()
    {
        string[] names = [.. Enumerable.Range(0, DefinitionLabels.Max + 20).Select(i => $"saga-{i:D3}")];
        DefinitionLabels one = new(names);
        DefinitionLabels other = new(names.Reverse());

        one.Of("saga-099").Value.Should().Be("saga-099");
        one.Of("saga-100").Value.Should().Be(DefinitionLabels.Other);
        one.Of("a-later-one").Value.Should().Be(DefinitionLabels.Other);
        names.Select(name => one.Of(name).Value).Should().Equal(names.Select(name => other.Of(name).Value));
        names.Select(name => one.Of(name).Value).Distinct().Should().HaveCount(DefinitionLabels.Max + 1);
    }

    [Fact]
    public async Task The_table_in_the_docs_has_every_metric_and_no_other()
    {
        await using PostgresHost host = await StartAsync();
        using var reading = new MeterReading(host.Services);
        string page = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/operations.md"));

        IEnumerable<string> table = page.Split('\n').SkipWhile(line => !line.StartsWith("| metric |", StringComparison.Ordinal)).Skip(2).TakeWhile(line => line.StartsWith('|'));
        IEnumerable<string> names = table.SelectMany(row => DocumentedName().Matches(row.Split('|')[1])).Select(match => match.Groups["name"].Value)
            .Select(name => name.StartsWith('.') ? $"saga_recovery{name}" : name);

        names.Should().BeEquivalentTo(reading.Instruments.Select(instrument => instrument.Name));
    }

    [Fact]
    public async Task Stuck_and_abandoned_sagas_of_the_whole_store_are_gauged()
    {
        SagaId[] sagas = await LeaveBehindAsync(3);
        await using PostgresHost host = await PostgresHost.StartAsync(_database, Guid.NewGuid(), options => options.StalledCheckPeriod = TimeSpan.FromMilliseconds(50));
        using var reading = new MeterReading(host.Services);
        await Eventually.HoldsAsync(() => host.Status.Current.Unresolved is not null, "the store was counted");
        reading.Read("saga_recovery.stuck").Should().Be(0);

        await host.ExecuteAsync("update saga_recovery.saga set state = 'stuck' where id <> @id", new { id = sagas[0].Value });
        await host.ExecuteAsync("update saga_recovery.saga set state = 'abandoned', abandon_time = now(), abandon_reason = 'a test', abandon_comment = 'a test' where id = @id", new { id = sagas[0].Value });

        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.stuck") == 2 && reading.Read("saga_recovery.abandoned") == 1, "they were seen");
        reading.Read("saga_recovery.stuck.age").Should().BeGreaterThan(0);
        host.Status.RenderText().Should().Contain("  STUCK: 2 sagas in this database, the oldest started ").And.Contain("  ABANDONED: 1 saga in this database");
    }

    [Fact]
    public async Task Metrics_report_orphans_take_overs_hints_and_drains()
    {
        SagaId[] sagas = await LeaveBehindAsync(2);
        (Guid dead, Guid stranger, Guid us) = (Guid.NewGuid(), Guid.NewGuid(), Guid.NewGuid());
        await using PostgresHost host = await PostgresHost.StartAsync(
            _database,
            us,
            options =>
            {
                options.StalledCheckPeriod = TimeSpan.FromMilliseconds(50);
                options.HeartbeatPeriod = TimeSpan.FromMilliseconds(500);
                options.TakeOverAfter = TimeSpan.FromMilliseconds(1_500);
            },
            TestSaga.Gated(_gate));
        using var reading = new MeterReading(host.Services);
        await SetOwnerAsync(host, sagas[0], stranger);
        await host.ExecuteAsync(CoordinatorRows.InsertDead, new { dead });
        await SetOwnerAsync(host, sagas[1], dead);

        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.orphans") == 1, "the orphan was seen");
        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.take_overs") == 1, "the dead one was taken over from");
        reading.Read("saga_recovery.orphans.age").Should().BeGreaterThan(0);
        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.take_overs.sagas") == 1, "its saga was given to us");
        await Eventually.HoldsAsync(() => host.Status.Current.Totals.Recovered == 1, "it was recovered");
        reading.Read("saga_recovery.passes", "reason=hint").Should().BeGreaterThanOrEqualTo(1);
        (reading.Read("saga_recovery.draining"), reading.Read("saga_recovery.drain.left")).Should().Be((0, 0));

        DrainReport drained = await host.Services.GetRequiredService<SagaDrain>().DrainAsync(new OperatorNote("ann", "version 2"), TimeSpan.Zero);
        (reading.Read("saga_recovery.draining"), reading.Read("saga_recovery.drain.left")).Should().Be((1, 1));
        drained.Left.Should().Be(1);

        host.Services.GetRequiredService<RecoveryMetrics>().RecordPass(new PassReport(new PassStart(9, PassReason.Periodic, default)) { MissedHints = 3 });
        reading.Read("saga_recovery.hints.missed").Should().Be(3);
    }

    [Fact]
    public async Task Sagas_whose_owner_is_down_are_gauged_with_the_age_of_the_oldest()
    {
        await LeaveBehindAsync(2);
        await using PostgresHost other = await PostgresHost.StartAsync(_database, Guid.NewGuid());
        using var reading = new MeterReading(other.Services);

        await Eventually.HoldsAsync(() => reading.Read("saga_recovery.owner_down") == 2, "they were seen");
        reading.Read("saga_recovery.owner_down.age").Should().BeGreaterThan(0);
        reading.Read("saga_recovery.orphans").Should().Be(0);
        reading.Instruments.Single(one => one.Name == "saga_recovery.owner_down").Description.Should().Contain("every node reports the same");
    }

    [Theory]
    [InlineData("docs/operations/prometheus-rules.yml")]
    [InlineData("docs/operations/grafana-dashboard.json")]
    public async Task Dashboard_and_alerts_ask_for_metrics_that_are_emitted(string file)
    {
        await using PostgresHost host = await StartAsync();
        using var reading = new MeterReading(host.Services);
        await host.ActivateAsync();
        string text = (await File.ReadAllTextAsync(Path.Combine(Repository.Root, file))).Replace("\\\"", "\"", StringComparison.Ordinal);

        string[] asked = [.. MetricName().Matches(text).Select(match => match.Value).Distinct()];

        asked.Should().HaveCountGreaterThan(10).And.BeSubsetOf(reading.PrometheusNames);
        foreach (Match outcome in OutcomeOf().Matches(text))
        {
            reading.TagsOf("saga_recovery.sagas", "outcome").Should().Contain(outcome.Groups["outcome"].Value.Split('|'));
        }
    }

    [Fact]
    public async Task The_dashboard_shows_every_metric()
    {
        await using PostgresHost host = await StartAsync();
        using var reading = new MeterReading(host.Services);
        string dashboard = await File.ReadAllTextAsync(Path.Combine(Repository.Root, "docs/operations/grafana-dashboard.json"));

        reading.Instruments.Select(instrument => instrument.Name.Replace('.', '_')).Where(name => !dashboard.Contains(name, StringComparison.Ordinal))
            .Should().BeEmpty();
    }

    [Fact]
    public void The_dashboard_is_json_and_every_alert_has_its_heading_in_the_runbook()
    {
        using JsonDocument dashboard = JsonDocument.Parse(File.ReadAllText(Path.Combine(Repository.Root, "docs/operations/grafana-dashboard.json")));
        dashboard.RootElement.GetProperty("panels").GetArrayLength().Should().BeGreaterThan(15);

        string rules = File.ReadAllText(Path.Combine(Repository.Root, "docs/operations/prometheus-rules.yml"));
        string[] anchors = [.. Heading().Matches(File.ReadAllText(Path.Combine(Repository.Root, "docs/operations.md")))
            .Select(match => NotInAnchors().Replace(match.Groups["text"].Value.ToLowerInvariant(), "").Replace(' ', '-'))];
        string[] runbooks = [.. Runbook().Matches(rules).Select(match => match.Groups["anchor"].Value)];

        runbooks.Should().HaveCount(rules.Split("- alert:").Length - 1, "every alert has one").And.BeSubsetOf(anchors);
    }

    [Fact]
    public async Task A_pass_is_a_span_a_resume_its_child_and_the_run_of_the_saga_is_linked_to_it()
    {
        List<Activity> ended = [];
        using var listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == SagaRecoveryTelemetry.ActivitySourceName,
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = span =>
            {
                lock (ended)
                {
                    ended.Add(span);
                }
            },
        };
        SagaId[] sagas = await LeaveBehindAsync(1);
        ActivitySource.AddActivityListener(listener);
        await using PostgresHost host = await StartAsync();
        await host.ActivateAsync();
        _gate.Open();
        await Eventually.HoldsAsync(() => Ended("saga.run") is not null, "the run had ended");

        Activity resume = Ended("saga_recovery.resume")!;
        Activity pass = Spans().Single(span => span.SpanId == resume.ParentSpanId);
        pass.OperationName.Should().Be("saga_recovery.pass");
        pass.GetTagItem("saga_recovery.pass.recovered").Should().Be(1);
        Ended("saga.run")!.Should().Match<Activity>(run => run.ParentId == null && run.Links.Single().Context == resume.Context);

        Activity? Ended(string name) => Spans().SingleOrDefault(
            span => span.OperationName == name && Equals(span.GetTagItem("saga.id"), sagas[0].ToString()) && span.GetTagItem("saga.result") is not "Interrupted");

        List<Activity> Spans()
        {
            lock (ended)
            {
                return [.. ended];
            }
        }
    }

    private static bool IsId(string value) => Guid.TryParse(value, out _);

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(_database, _coordinator, TestSaga.Gated(_gate));

    private static Task SetOwnerAsync(PostgresHost host, SagaId saga, Guid owner) => host.ExecuteAsync(
        "update saga_recovery.saga set current_coordinator = @owner, adopt_generation = adopt_generation + 1 where id = @id", new { owner, id = saga.Value });

    private async Task<SagaId[]> LeaveBehindAsync(int count)
    {
        await using PostgresHost host = await StartAsync();
        List<SagaId> sagas = [];
        for (int i = 0; i < count; i++)
        {
            sagas.Add((await host.Client.StartAsync(host.Saga("gated"), "")).SagaId);
            await _gate.ArrivalAsync();
        }

        return [.. sagas];
    }

    [GeneratedRegex(@"\bsaga_recovery_[a-z_]+(?=[{\[ )\\,]|$)", RegexOptions.Multiline, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex MetricName();

    [GeneratedRegex(@"outcome(=|!~|=~)""(?<outcome>[a-z_|]+)""", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex OutcomeOf();

    [GeneratedRegex(@"runbook: docs/operations\.md#(?<anchor>\S+)", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Runbook();

    [GeneratedRegex(@"^#{2,4} (?<text>.+)$", RegexOptions.Multiline | RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex Heading();

    [GeneratedRegex("`(?<name>[a-z_.]+)`", RegexOptions.ExplicitCapture, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex DocumentedName();

    [GeneratedRegex("[^a-z0-9 -]", RegexOptions.None, matchTimeoutMilliseconds: 60_000)]
    private static partial Regex NotInAnchors();

    /// <summary>An exporter that begins to listen with the start of the host, after the executor.</summary>
    private sealed class LateExporter : IHostedLifecycleService
    {
        private IServiceProvider? _provider;

        public MeterReading Reading { get; private set; } = null!;

        /// <summary>The metrics with a value before any service of the host has started.</summary>
        public IReadOnlyCollection<string> MeasuredAtFirst { get; private set; } = [];

        public LateExporter Of(IServiceProvider provider)
        {
            _provider = provider;
            return this;
        }

        public Task StartAsync(CancellationToken cancellationToken)
        {
            Reading = new MeterReading(_provider!);
            return Task.CompletedTask;
        }

        public Task StartingAsync(CancellationToken cancellationToken)
        {
            using var early = new MeterReading(_provider!);
            early.Read("saga_recovery.joined");
            MeasuredAtFirst = [.. early.Measured];
            return Task.CompletedTask;
        }

        public Task StartedAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

        public Task StopAsync(CancellationToken cancellationToken)
        {
            Reading.Dispose();
            return Task.CompletedTask;
        }

        public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
