using System.Text.Json.Nodes;
using SagaRecovery.Benchmarks.Areas;
using SagaRecovery.Benchmarks.Reports;

namespace SagaRecovery.Benchmarks.Tests;

/// <summary>That all of it runs, at tiny sizes. What the times are is not asked: a machine that runs tests is busy.</summary>
public sealed class ShortFormTests(Xunit.Abstractions.ITestOutputHelper output)
{
    [Fact]
    public async Task Every_area_measures_something_and_tells_of_it()
    {
        await using var progress = new StringWriter();

        BenchmarkReport report = await BenchmarkRun.RunAsync(Area.Every, new Scope(Sizes: null, Turns: null, IsShort: true), progress);

        output.WriteLine($"{progress}\n{report.ToText()}");
        report.Measurements.Select(one => one.Area).Distinct().Should().Equal(Area.Every.Select(area => area.Name));
        report.Goals.Should().NotBeEmpty();
        report.Growths.Should().NotBeEmpty();
        JsonNode.Parse(report.ToJson())!["benchmarkDotNet"]!["Benchmarks"]!.AsArray().Should().NotBeEmpty();
    }
}
