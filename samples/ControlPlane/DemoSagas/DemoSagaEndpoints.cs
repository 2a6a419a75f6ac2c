using ControlPlane.Hosting;
using SagaRecovery;
using SagaRecovery.Coordinators;

namespace ControlPlane.DemoSagas;

/// <summary><c>/demo-sagas</c>.</summary>
internal static class DemoSagaEndpoints
{
    public static void MapDemoSagas(this IEndpointRouteBuilder app)
    {
        app.MapPost("/demo-sagas", StartAsync);
        app.MapPost("/demo-sagas/{id:guid}/complete", CompleteAsync);
    }

    private static async Task<IResult> StartAsync(
        DemoSaga saga, DemoReleases releases, SagaRunner sagas, SagaCoordinator coordinator, TimeProvider time, CancellationToken cancellationToken)
    {
        coordinator.ThrowIfFenced();
        await sagas.WaitUntilReadyAsync();
        SagaId id = SagaId.NewAt(time.GetUtcNow());
        await releases.AnnounceAsync(id, cancellationToken);
        await sagas.StartAsync(saga, new DemoParameters(), id);
        return Results.Accepted(uri: null, new { SagaId = id.Value });
    }

    private static async Task<IResult> CompleteAsync(
        Guid id, DemoReleases releases, SagaRunner sagas, SagaCoordinator coordinator, CancellationToken cancellationToken)
    {
        coordinator.ThrowIfFenced(); // the saga runs in the newer process: a waiter there would not hear of it
        await sagas.WaitUntilReadyAsync();
        return await releases.ReleaseAsync(new SagaId(id), cancellationToken)
            ? Results.NoContent()
            : Results.Problem(statusCode: 404, detail: $"There is no demo saga {id}.");
    }
}
