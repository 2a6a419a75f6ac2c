using System.Text.Json.Nodes;
using SagaRecovery.Benchmarks.Areas;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Tests;

/// <summary>All of it runs, at tiny sizes. Times are not checked: a machine that runs tests is busy.</summary>
public sealed class ShortFormTests(ITestOutputHelper output)
{
    [Fact]
    public async Task Every_area_measures_something_and_describes_it()
    {
        await using var progress = new StringWriter();

        BenchmarkReport report = await BenchmarkRun.RunAsync(Area.Every, new Scope(Sizes: null, Turns: null, IsShort: true), progress);

        output.WriteLine($"{progress}\n{report.ToText()}");
        report.Measurements.Select(one => one.Area).Distinct().Should().Equal(Area.Every.Select(area => area.Name));
        report.Goals.Should().NotBeEmpty();
        report.Growths.Should().NotBeEmpty();
        JsonNode.Parse(report.ToJson())!["benchmarkDotNet"]!["Benchmarks"]!.AsArray().Should().NotBeEmpty();
    }

    [Fact]
    public async Task The_fence_costs_no_multixact_where_the_row_lock_did()
    {
        await using var progress = new StringWriter();

        BenchmarkReport report = await BenchmarkRun.RunAsync([new FenceArea()], new Scope(Sizes: null, Turns: null, IsShort: true), progress);

        output.WriteLine($"{progress}\n{report.ToText()}");
        CountOf(ProjectsSubject.SubjectName, Metric.MultiXactIds).Should().Be(0);
        CountOf(RowLockProjectsSubject.SubjectName, Metric.MultiXactIds).Should().BePositive();
        CountOf(HeartbeatSubject.SubjectName, Metric.WritesASecond).Should().BePositive();
        foreach (string subject in (string[])[HeartbeatSubject.SubjectName, JoinSubject.SubjectName, ReassignSubject.SubjectName])
        {
            report.Measurements.Where(one => one.Subject == subject).Should().HaveCount(4, "of each there are the median, two percentiles and the slowest");
        }

        report.Goals.Should().HaveCount(5).And.OnlyContain(goal => double.IsFinite(goal.Measured));

        double? CountOf(string subject, string metric) => report.Measurements.First(one => one.Subject == subject)[metric]?.Median;
    }

    [Fact]
    public async Task Each_peer_re_enters_every_job_of_a_killed_process_and_completes_new_ones()
    {
        await using var progress = new StringWriter();

        BenchmarkReport report = await BenchmarkRun.RunAsync([new PeersArea()], new Scope(Sizes: null, Turns: null, IsShort: true), progress);

        output.WriteLine($"{progress}\n{report.ToText()}");
        report.Peers.Should().OnlyContain(peer => !peer.Version.StartsWith("0.0.0", StringComparison.Ordinal) && peer.Guarantees.Length > 0);
        string[] tuned = [.. report.Peers.Where(peer => peer.IsTuned).Select(peer => peer.Name)];
        report.Measurements.Where(one => one.What == "launch to all re-entered").Select(one => one.Subject).Should().Equal(tuned);
        report.Measurements.Where(one => one.What == "start to end").Select(one => one.Subject).Should().Equal(tuned);
        report.Measurements.Where(one => one[Metric.NotEntered] is not null).Should().OnlyContain(one => one.Median(Metric.NotEntered) == 0);
        Measurement ours = report.Measurements.First(one => one.What == "launch to all re-entered");
        ours.Median(Metric.FirstStepsAgain).Should().Be(0, "the log has the ends of all first steps");
        ours.Median(Metric.EnteredTwice).Should().Be(0);
        report.Goals.Should().HaveCount(2).And.OnlyContain(goal => double.IsFinite(goal.Measured));
    }
}
