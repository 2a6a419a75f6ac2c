using SagaRecovery.Stress.Scenarios;

namespace SagaRecovery.Stress;

internal static class ShortForm
{
    public static async Task<StressResult> RunAsync(Scenario scenario, int seconds, ITestOutputHelper output)
    {
        await using var progress = new StringWriter();
        StressResult result = await StressRun.RunAsync(scenario, TimeSpan.FromSeconds(seconds), Random.Shared.Next(), progress);
        output.WriteLine($"{progress}\n{result}");
        result.Wrong.Should().BeEmpty($"with seed {result.Seed}:\n{progress}");
        return result;
    }
}
