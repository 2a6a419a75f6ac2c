using ControlPlane.Hosting;
using SagaRecovery;
using SagaRecovery.Coordinators;

namespace ControlPlane.DemoSagas;

/// <summary>The endpoints under <c>/demo-sagas</c>.</summary>
internal static class DemoSagaEndpoints
{
    private const int DefaultStep = 400;
    private const int LongestStep = 60_000;

    public static void MapDemoSagas(this IEndpointRouteBuilder app)
    {
        app.MapPost("/demo-sagas", StartAsync);
        app.MapPost("/demo-sagas/{id:guid}/complete", CompleteAsync);
        app.MapPost("/demo-sagas/slow", RunSlowAsync);
    }

    private static async Task<IResult> StartAsync(
        DemoSaga saga, DemoReleases releases, SagaRunner sagas, SagaCoordinator coordinator, TimeProvider time, CancellationToken cancellationToken)
    {
        coordinator.ThrowIfFenced();
        await sagas.WaitUntilReadyAsync();
        SagaId id = SagaId.NewAt(time.GetUtcNow());
        await releases.RegisterAsync(id, cancellationToken);
        await sagas.StartAsync(saga, new DemoParameters(), new SagaStartOptions { Id = id });
        return Results.Accepted(uri: null, new { SagaId = id.Value });
    }

    private static async Task<IResult> CompleteAsync(
        Guid id, DemoReleases releases, SagaRunner sagas, SagaCoordinator coordinator, CancellationToken cancellationToken)
    {
        coordinator.ThrowIfFenced(); // the saga runs in the newer process, whose waiter this process cannot complete
        await sagas.WaitUntilReadyAsync();
        return await releases.ReleaseAsync(new SagaId(id), cancellationToken)
            ? Results.NoContent()
            : Results.Problem(statusCode: 404, detail: $"There is no demo saga {id}.");
    }

    /// <summary>Runs a slow saga and waits for its result.</summary>
    private static async Task<IResult> RunSlowAsync(SlowSaga saga, SagaRunner sagas, HttpContext http, int step = DefaultStep, bool fails = false)
    {
        if (step is < 0 or > LongestStep)
        {
            return Results.Problem(statusCode: 400, detail: $"step must be 0 to {LongestStep} milliseconds (was {step}).");
        }

        (SagaHandle handle, SagaResult? result) = await sagas.RunAsync(saga, new SlowParameters(step, fails));
        return result switch
        {
            SagaResult.Succeeded => Results.Ok(new { SagaId = handle.SagaId.Value, State = "succeeded" }),
            SagaResult.Unwound { Error.Code: SlowSaga.FailureRequested } => Results.Ok(new { SagaId = handle.SagaId.Value, State = "unwound" }),
            _ => Problems.Of(http, handle, result),
        };
    }
}
