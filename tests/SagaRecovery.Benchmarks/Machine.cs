using System.Globalization;
using System.Runtime.InteropServices;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks;

/// <summary>The machine of the measurements.</summary>
internal static class Machine
{
    private const string LoadFile = "/proc/loadavg";

    public static async Task<string> DescribeAsync(BenchmarkServer server)
    {
        string load = File.Exists(LoadFile) ? (await File.ReadAllTextAsync(LoadFile)).Split(' ')[0] : "unknown";
        string version = await server.VersionAsync();
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Environment.ProcessorCount} cores, {GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / 1e9:F0} GB, {RuntimeInformation.OSDescription}, "
            + $"{RuntimeInformation.FrameworkDescription}, PostgreSQL {version} with fsync {(server.IsDurable ? "on" : "off")}; load before the run {load}");
    }
}
