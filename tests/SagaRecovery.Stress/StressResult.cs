using System.Globalization;
using System.Text;
using System.Text.Json.Nodes;

namespace SagaRecovery.Stress;

/// <summary>The result of one scenario.</summary>
/// <param name="Scenario">Its name.</param>
/// <param name="Seed">The seed that reproduces the random choices.</param>
/// <param name="Duration">The duration, the reconciliation included.</param>
/// <param name="Wrong">The violations, a line each.</param>
/// <param name="Figures">The counts and measurements, by name.</param>
internal sealed record StressResult(string Scenario, int Seed, TimeSpan Duration, IReadOnlyList<string> Wrong, JsonObject Figures)
{
    /// <summary>The figure with the reason why the machine could not run it.</summary>
    public const string NotAvailable = "notAvailable";

    public bool IsOk => Wrong.Count == 0;

    public bool IsAvailable => !Figures.ContainsKey(NotAvailable);

    /// <summary>A figure that is a count.</summary>
    public long this[string figure] => Figures[figure] is { } count
        ? long.Parse(count.ToJsonString(), CultureInfo.InvariantCulture)
        : throw new KeyNotFoundException($"'{Scenario}' has no figure '{figure}'.");

    public JsonObject ToJson() => new()
    {
        ["scenario"] = Scenario,
        ["seed"] = Seed,
        ["durationSeconds"] = Math.Round(Duration.TotalSeconds, 1),
        ["verdict"] = IsOk ? "ok" : new JsonArray([.. Wrong.Select(line => JsonValue.Create(line))]),
        ["figures"] = Figures.DeepClone(),
    };

    /// <summary>For people: the verdict, the figures beneath it, and what is wrong.</summary>
    public override string ToString()
    {
        var text = new StringBuilder();
        text.AppendLine(CultureInfo.InvariantCulture, $"{Scenario,-10} {(IsOk ? "ok" : "WRONG")}  {Duration.TotalSeconds:F0} s, seed {Seed}");
        foreach ((string name, JsonNode? value) in Figures)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    {name,-28} {value?.ToJsonString()}");
        }

        foreach (string line in Wrong)
        {
            text.AppendLine(CultureInfo.InvariantCulture, $"    WRONG: {line}");
        }

        return text.ToString();
    }
}
