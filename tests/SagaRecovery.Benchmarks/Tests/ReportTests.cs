using System.Text.Json.Nodes;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Tests;

public sealed class ReportTests
{
    private static readonly BenchmarkReport Report = new(
        "a machine",
        [
            Measured(100, "ours", 0.2, 0.4, 0.6), Measured(100, "raw", 0.1, 0.2, 0.3),
            Measured(1_000, "ours", 4), Measured(1_000, "raw", 2),
            Measured(10_000, "ours", 40), Measured(10_000, "raw", 80),
        ],
        [Goal.AtLeast("speed", 0.5, 0.8, "x"), Goal.AtMost("memory", 100, 150, "MB")]);

    [Fact]
    public void A_row_holds_median_spread_rate_and_speed_of_the_reference() =>
        Lines().Should().ContainMatch("recover*100*ours*400 ms*200 ms – 600 ms*250*0.50*1.00*");

    [Fact]
    public void Counts_have_a_table_of_their_own() =>
        new BenchmarkReport("a machine", [Counted(3, 5)], []).ToText().Split('\n').Should().ContainMatch("MultiXactIds*1,000*ours*fence*4*3 – 5*");

    [Fact]
    public void Turns_in_pairs_are_compared_each_with_its_own() =>
        Measured(1, "ours", 1, 10, 4).PairedSpeedOf(Measured(1, "raw", 2, 10, 2)).Should().Be(1, "the ratios are 2, 1 and 0.5; of the medians it would be 0.5");

    [Fact]
    public void Growth_is_reported_for_each_subject() =>
        Lines().Should().ContainMatch("recover*ours*1.00*100 1,000 10,000").And.ContainMatch("recover*raw*1.30*100 1,000 10,000");

    [Fact]
    public void Goals_show_whether_they_are_reached() =>
        Lines().Should().ContainMatch("speed*>= 0.80*0.50*x*NO").And.ContainMatch("memory*<= 150*100*MB*yes");

    [Fact]
    public void The_json_holds_what_the_tables_are_made_of()
    {
        JsonNode json = JsonNode.Parse(Report.ToJson())!;

        JsonNode ours = json["measurements"]![0]!;
        ours["speed"]!.GetValue<double>().Should().Be(0.5);
        ours["figures"]!["seconds"]!["median"]!.GetValue<double>().Should().Be(0.4);
        ours["turns"]!.AsArray().Should().HaveCount(3);
        json["growths"]!.AsArray().Should().HaveCount(2);
        json["goals"]![1]!["isReached"]!.GetValue<bool>().Should().BeTrue();
    }

    private static Measurement Counted(params double[] counts) => new(
        "fence",
        "fence",
        1_000,
        "ours",
        Reference: null,
        [.. counts.Select(count => new SubjectResult(new Dictionary<string, double> { [Metric.Seconds] = 1, [Metric.MultiXactIds] = count }))]);

    private static string[] Lines() => Report.ToText().Split('\n');

    private static Measurement Measured(int size, string subject, params double[] seconds) => new(
        "recover",
        "recover",
        size,
        subject,
        "raw",
        [.. seconds.Select(one => new SubjectResult(new Dictionary<string, double>
        {
            [Metric.Seconds] = one, [Metric.Rows] = size, [Metric.AllocatedBytes] = 1_024.0 * size,
        }))]);
}
