using SagaRecovery;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Testing;

namespace DiskService.Tests;

public sealed class StartRaceTests
{
    private static readonly SagaId s_saga = RecoverySimulation.Saga(1);

    [Fact]
    public async Task A_saga_that_starts_behind_the_back_of_a_listing_is_not_taken_for_finished()
    {
        await using var simulation = new RecoverySimulation();
        SimulatedProcess process = await simulation.StartProcessAsync();
        await process.ActivateAsync();

        HeldStep listed = process.Hold(SimulatedStep.ListAnswer);
        Task<PassReport> pass = process.ActivateAsync();
        await listed.Reached; // the listing has been read …
        await process.StartSagaAsync(s_saga); // … before this saga was there
        listed.Release();

        (await pass).Starting.Should().Be(1);
        process.Executor.RunsAt(s_saga).Should().Be(AdoptGeneration.Initial);
    }
}
