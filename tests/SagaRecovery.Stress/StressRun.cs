using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

/// <summary>One run of one scenario: its time, its random choices, and its findings. Used by the scenario's own flow; not thread-safe.</summary>
internal sealed class StressRun
{
    /// <summary>The time by which a run may exceed its duration until it has reached its goal: machines are slow, or busy.</summary>
    private static readonly TimeSpan Overtime = TimeSpan.FromMinutes(3);

    private readonly long _began = Stopwatch.GetTimestamp();
    private readonly List<string> _wrong = [];
    private readonly string _scenario;
    private readonly TextWriter _progress;

    private StressRun(string scenario, TimeSpan duration, int seed, TextWriter progress)
    {
        _scenario = scenario;
        _progress = progress;
        Duration = duration;
        Seed = seed;
        Dice = new Random(seed);
    }

    public TimeSpan Duration { get; }

    /// <summary>True for a run that is a test beside others.</summary>
    public bool IsShort => Duration <= TimeSpan.FromSeconds(10);

    /// <summary>The pause of a client between two requests; none in a run of its own.</summary>
    public TimeSpan ClientPause => IsShort ? TimeSpan.FromMilliseconds(100) : TimeSpan.Zero;

    public TimeSpan Elapsed => Stopwatch.GetElapsedTime(_began);

    public int Seed { get; }

    public Random Dice { get; }

    public JsonObject Figures { get; } = [];

    /// <summary>The current part of the run, which violations name; null: the run has no parts.</summary>
    public string? Part { get; set; }

    /// <summary>Runs a scenario to its end, including a failure.</summary>
    public static async Task<StressResult> RunAsync(Scenario scenario, TimeSpan duration, int seed, TextWriter progress)
    {
        var run = new StressRun(scenario.Name, duration, seed, progress);
        run.Log($"for {duration}, seed {seed}");
        try
        {
            await scenario.RunAsync(run);
        }
#pragma warning disable CA1031 // the boundary of one scenario: the others run all the same, and the result holds the error
        catch (Exception broke)
#pragma warning restore CA1031
        {
            run._wrong.Add($"the scenario itself broke: {broke}");
        }

        return new StressResult(scenario.Name, seed, run.Elapsed, run._wrong, run.Figures);
    }

    /// <summary>Indicates whether the run continues: until the time is up and enough has happened, but not indefinitely.</summary>
    /// <param name="enough">True if the run has reached its goal.</param>
    /// <param name="share">The part of the run's time, from its beginning, that applies here.</param>
    public bool Continues(bool enough, double share = 1) => Elapsed < Duration * share || (!enough && Elapsed < (Duration * share) + Overtime);

    /// <summary>A time between zero and the longest.</summary>
    public TimeSpan Draw(TimeSpan longest) => longest * Dice.NextDouble();

    /// <summary>Records that this machine lacks a requirement of the scenario, which is no fault of the tested code.</summary>
    public void NotAvailable(string reason)
    {
        Figures[StressResult.NotAvailable] = $"not available: {reason}";
        Log($"not available: {reason}");
    }

    /// <summary>Records a violation if a condition does not hold.</summary>
    public void Require(bool holds, string otherwise)
    {
        if (!holds)
        {
            string wrong = Part is null ? otherwise : $"{Part}: {otherwise}";
            _wrong.Add(wrong);
            Log($"WRONG: {wrong}");
        }
    }

    /// <summary>Records all violations.</summary>
    public void RequireNone(IEnumerable<string> wrong)
    {
        foreach (string line in wrong)
        {
            Require(holds: false, line);
        }
    }

    public void Log(string what) => _progress.WriteLine(string.Create(
        CultureInfo.InvariantCulture, $"{_scenario,-10} {Elapsed.TotalSeconds,6:F1}s  {what}"));
}
