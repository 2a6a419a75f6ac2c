using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.AspNetCore.Tests.Support;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>A list tells the sagas that run in the process that answers from those that wait in it.</summary>
[Collection(OnPostgres.Name)]
public sealed class ListPhaseTests(PostgresCluster postgres)
{
    [Fact]
    public async Task A_saga_that_waits_for_a_slot_is_listed_as_such_and_one_of_another_owner_without_a_phase()
    {
        await using TestService service = await TestService.StartAsync(
            await postgres.NewDatabaseAsync(), services: builder => builder.Services.Configure<DurableExecutorOptions>(options => options.MaxRunningSagas = 1));
        SagaId running = await service.StartSagaAsync();
        SagaId waiting = (await service.App.Services.GetRequiredService<SagaClient>().StartAsync(service.App.Services.GetRequiredService<GatedSaga>(), "x")).SagaId;
        await service.QueryAsync<int>(EveryKind.Insert);

        Dictionary<Guid, string?> phases = (await service.JsonAsync("/sagas?state=running")).EnumerateArray().ToDictionary(
            saga => saga.GetProperty("id").GetGuid(), saga => saga.GetProperty("phase").GetString());

        phases[running.Value].Should().Be("Running");
        phases[waiting.Value].Should().Be("WaitingForSlot");
        phases[EveryKind.Held].Should().BeNull();
        phases[EveryKind.Wide].Should().BeNull();
    }
}
