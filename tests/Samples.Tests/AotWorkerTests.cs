using Samples.Tests.Support;

namespace Samples.Tests;

/// <summary>
/// The worker for native code. The long form runs it as such: <c>SAGA_RECOVERY_AOT_WORKER</c> names the program, which tests/publish-aot-worker.sh
/// compiles. Otherwise its ordinary build runs, which refuses reflection-based JSON as well.
/// </summary>
[Collection(OnPostgres.Name)]
public sealed class AotWorkerTests(PostgresCluster postgres)
{
    private const int Sagas = 300;

    [Fact]
    public async Task Sagas_of_a_killed_worker_are_completed_once_by_the_next_one()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using (SampleProcess killed = Start(database, "start", $"{Sagas}"))
        {
            await Eventually.HoldsAsync(
                () => killed.HasExited || killed.Output.Count(line => line.Contains(" ship: ", StringComparison.Ordinal)) > 10,
                "sagas were at their second step",
                SampleProcess.Longest);
            await killed.KillAsync();
        }

        IReadOnlyList<string> left = await database.SagasAsync();
        left.Should().Contain("place-order running").And.HaveCountGreaterThan(10);

        await using SampleProcess next = Start(database);
        await Eventually.HoldsAsync(
            async () => (await database.SagasAsync()).All(saga => saga == "place-order succeeded"), "all sagas had succeeded", SampleProcess.Longest);
        (await next.TerminateAsync()).Should().Be(0);

        (await database.EventsAsync()).Should().HaveCount(left.Count * 4, "each of two steps has started and succeeded once");
        string[] shippedAgain = [.. next.Output.Where(line => line.Contains(" ship: ", StringComparison.Ordinal)).Select(line => line.Split(' ')[0])];
        shippedAgain.Should().OnlyHaveUniqueItems().And.HaveCountGreaterThanOrEqualTo(left.Count(saga => saga == "place-order running"));
        next.Output.Should().Contain(line => line.Contains(" ship: ships lamp ", StringComparison.Ordinal), "outputs are read back from their JSON");
    }

    private static SampleProcess Start(SampleDatabase database, params IReadOnlyList<string> arguments) =>
        Environment.GetEnvironmentVariable("SAGA_RECOVERY_AOT_WORKER") is { Length: > 0 } program
            ? SampleProcess.StartNative(program, database, arguments)
            : SampleProcess.Start("AotWorker", database, arguments);
}
