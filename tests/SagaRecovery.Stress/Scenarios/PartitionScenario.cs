using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using SagaRecovery.Stress.Faults;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The traffic between the service and its server is cut and restored. Everything takes place in a network namespace of its own, so this
/// program starts itself in there and adopts its results. Where the machine allows no such namespace, the result reports it.
/// </summary>
internal sealed class PartitionScenario : Scenario
{
    /// <summary>The arguments of the program in the namespace, before duration and seed.</summary>
    public const string Verb = "partition-inside";

    public override string Name => "partition";

    public override async Task RunAsync(StressRun run)
    {
        if (await PrivateNetwork.WhyNotAsync() is { } reason)
        {
            run.NotAvailable(reason);
            return;
        }

        string[] arguments = [Verb, run.Duration.ToString(), run.Seed.ToString(CultureInfo.InvariantCulture)];
        await using var inside = new RunningProgram(PrivateNetwork.Through, typeof(PartitionScenario).Assembly.GetName().Name!, arguments);
        await Eventually.HoldsAsync(() => inside.HasExited, "the run in the namespace was over", run.Duration + TimeSpan.FromMinutes(5));
        await inside.ExitCodeAsync();
        foreach (string line in inside.Errors)
        {
            run.Log(line);
        }

        JsonNode result = JsonNode.Parse(string.Concat(inside.Output))
            ?? throw new InvalidOperationException("the run in the namespace gave no result");
        foreach ((string name, JsonNode? value) in result["figures"]!.AsObject())
        {
            run.Figures[name] = value?.DeepClone();
        }

        run.RequireNone(result["verdict"] is JsonArray wrong ? wrong.Select(line => line!.GetValue<string>()) : []);
    }

    /// <summary>The run in the namespace.</summary>
    public static async Task<int> RunInsideAsync(string duration, string seed)
    {
        StressResult result = await StressRun.RunAsync(
            new Inside(), TimeSpan.Parse(duration, CultureInfo.InvariantCulture), int.Parse(seed, CultureInfo.InvariantCulture), Console.Error);
        await Console.Out.WriteLineAsync(JsonSerializer.Serialize(result.ToJson()));
        return result.IsOk ? 0 : 1;
    }

    private sealed class Inside : DatabaseScenario
    {
        public override string Name => "partition";

        /// <summary>
        /// A connection whose packets vanish is closed once a command has had no answer for 5 s and its cancellation none for 1 s;
        /// opening one, after 3 s. With the defaults of the driver (30 s, 2 s, 15 s) all ends as well, later.
        /// </summary>
        protected override string Connection => "Timeout=3;Command Timeout=5;Cancellation Timeout=1000;Keepalive=5";

        protected override IReadOnlyList<Func<DatabaseFault>> Faults { get; } =
            [() => new PacketFilter(Cut.Drop), () => new PacketFilter(Cut.Reject), () => new PacketFilter(Cut.Forget)];
    }
}
