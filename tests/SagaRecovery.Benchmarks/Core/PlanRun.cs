using System.Globalization;
using System.Text.Json.Nodes;
using BenchmarkDotNet.Columns;
using BenchmarkDotNet.Configs;
using BenchmarkDotNet.Diagnosers;
using BenchmarkDotNet.Exporters.Json;
using BenchmarkDotNet.Jobs;
using BenchmarkDotNet.Loggers;
using BenchmarkDotNet.Running;
using BenchmarkDotNet.Toolchains.InProcess.Emit;
using SagaRecovery.Benchmarks.Reports;
using SagaRecovery.Benchmarks.Subjects;
using CaseReport = BenchmarkDotNet.Reports.BenchmarkReport;
using Summary = BenchmarkDotNet.Reports.Summary;

namespace SagaRecovery.Benchmarks.Core;

/// <summary>Runs <see cref="PlanBenchmarks"/> with BenchmarkDotNet, in this process: it needs no build and no package source then.</summary>
internal static class PlanRun
{
    /// <param name="area">The name of the area.</param>
    /// <param name="sizes">The numbers of sagas to plan for.</param>
    /// <param name="isShort">One iteration, without a warm-up.</param>
    /// <returns>One measurement for each benchmark and size, and BenchmarkDotNet's own report.</returns>
    public static (IReadOnlyList<Measurement> Measured, JsonNode Report) Run(string area, IReadOnlyList<int> sizes, bool isShort)
    {
        PlanBenchmarks.Sizes = sizes;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("benchmarks-");
        try
        {
            Summary summary = BenchmarkRunner.Run<PlanBenchmarks>(ConfigFor(folder.FullName, isShort));
            string report = Directory.EnumerateFiles(folder.FullName, "*.json", SearchOption.AllDirectories).Single();
            return ([.. summary.Reports.Select(one => ToMeasurement(area, one))], JsonNode.Parse(File.ReadAllText(report))!);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>
    /// One plan to an iteration: each needs a pass of its own, which is opened before it. Hence many to warm up: what is called once to an
    /// iteration is compiled for good after its sixtieth call.
    /// </summary>
    private static ManualConfig ConfigFor(string folder, bool isShort)
    {
        Job job = isShort ? Job.Dry : Job.Default.WithWarmupCount(70).WithIterationCount(15);
        return ManualConfig.CreateEmpty()
            .AddJob(job.WithToolchain(InProcessEmitToolchain.DontLogOutput).WithInvocationCount(1).WithUnrollFactor(1))
            .AddColumnProvider(DefaultColumnProviders.Instance)
            .AddDiagnoser(MemoryDiagnoser.Default)
            .AddExporter(JsonExporter.Full)
            .AddLogger(NullLogger.Instance)
            .WithArtifactsPath(folder);
    }

    private static Measurement ToMeasurement(string area, CaseReport report)
    {
        int sagas = Convert.ToInt32(report.BenchmarkCase.Parameters[nameof(PlanBenchmarks.Sagas)], CultureInfo.InvariantCulture);
        double allocated = report.GcStats.GetBytesAllocatedPerOperation(report.BenchmarkCase) ?? 0;
        IEnumerable<SubjectResult> turns = report.GetResultRuns().Select(run => new SubjectResult(new Dictionary<string, double>
        {
            [Metric.Seconds] = run.Nanoseconds / run.Operations / 1e9,
            [Metric.Rows] = sagas,
            [Metric.AllocatedBytes] = allocated,
        }));
        string subject = report.BenchmarkCase.Descriptor.WorkloadMethod.Name;
        return new Measurement(area, "plan", sagas, subject, Reference: null, [.. turns]);
    }
}
