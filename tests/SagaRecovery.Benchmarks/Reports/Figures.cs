using System.Globalization;

namespace SagaRecovery.Benchmarks.Reports;

/// <summary>Formats numbers for readers: three significant digits. A missing figure is empty.</summary>
internal static class Figures
{
    public static string Count(double? value) => value?.ToString("N0", CultureInfo.InvariantCulture) ?? "";

    public static string Short(double? value) => value?.ToString(Format(value.Value), CultureInfo.InvariantCulture) ?? "";

    /// <summary>Seconds, in a suitable unit.</summary>
    public static string Time(double seconds) => seconds switch
    {
        >= 1 => $"{Short(seconds)} s",
        >= 1e-3 => $"{Short(seconds * 1e3)} ms",
        >= 1e-6 => $"{Short(seconds * 1e6)} us",
        _ => $"{Short(seconds * 1e9)} ns",
    };

    private static string Format(double value) => Math.Abs(value) switch
    {
        >= 100 => "N0",
        >= 10 => "F1",
        _ => "F2",
    };
}
