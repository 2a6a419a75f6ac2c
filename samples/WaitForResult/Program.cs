// Shows a request that waits for the result of its saga, but not longer than two seconds: it gets 201 with the result or 202 with an address.
// GET of that address has the result later, from any process and after a crash. A larger order, or --SecondsPerPiece=5, takes longer.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=shop-1 and SagaRecovery__Postgres__CreateSchema=true, then:
// curl -i http://localhost:5000/orders --json '{"item":"lamp","quantity":1}'
using System.Text.Json;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Storage;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<OrderSaga>();
WebApplication app = builder.Build();

app.MapPost("/orders", async (Order order, SagaClient sagas, OrderSaga saga, TimeProvider time, CancellationToken cancellationToken) =>
{
    SagaHandle handle = await sagas.StartAsync(saga, order, cancellationToken: cancellationToken);
    Guid id = handle.SagaId.Value;
    SagaResult? result = null;
    try
    {
        result = await handle.Completion.WaitAsync(TimeSpan.FromSeconds(2), time, cancellationToken);
    }
    catch (TimeoutException)
    {
        // The saga continues; only the answer does not wait for it.
    }

    return result switch
    {
        SagaResult.Succeeded done => Results.Created($"/orders/{id}", new OrderStatus(id, "succeeded", done.Output(saga.Tracking))),
        SagaResult.Unwound unwound => Results.Conflict(new OrderStatus(id, "unwound", Error: unwound.Error.Code)),
        SagaResult.Stuck => Results.Problem($"An operator has to look at order {id}."),
        _ => Results.Accepted($"/orders/{id}", new OrderStatus(id, "running")), // not finished here: this process or the next one continues it
    };
});

app.MapGet("/orders/{id:guid}", async (Guid id, ISagaOperations operations, CancellationToken cancellationToken) =>
    await operations.FindAsync(new SagaId(id), cancellationToken) is { } saga ? Results.Ok(OrderStatus.Of(saga)) : Results.NotFound());

app.Run();

internal sealed record Order(string Item, int Quantity);

internal sealed record OrderStatus(Guid Id, string State, string? Tracking = null, string? Error = null)
{
    /// <summary>Reads the state of an order from the log of its saga. The data of an event is JSON.</summary>
    public static OrderStatus Of(SagaDetails saga)
    {
        string? tracking = saga.Events.SingleOrDefault(e => e is { Node: "ship", Type: NodeEventType.Succeeded })?.Data;
        string? error = saga.Events.FirstOrDefault(e => e.Type == NodeEventType.Failed)?.Data;
        return new OrderStatus(
            saga.Summary.Id.Value,
            saga.Summary.State.ToString().ToLowerInvariant(),
            tracking is null ? null : JsonSerializer.Deserialize<string>(tracking),
            error is null ? null : JsonSerializer.Deserialize<SagaError>(error, JsonSerializerOptions.Web)?.Code);
    }
}

internal sealed class OrderSaga(IConfiguration configuration) : Saga<Order>
{
    public override string Name => "order";

    public SagaNode<string> Tracking { get; private set; } = null!;

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode packed = saga.Node("pack", PackAsync);
        Tracking = saga.Node("ship", c => Task.FromResult($"parcel-{c.IdempotencyKey:N}"), after: packed);
    }

    private async Task PackAsync(NodeContext<Order> context)
    {
        if (context.Parameters.Quantity <= 0)
        {
            throw new SagaActionException("nothing-to-pack", "The quantity must be at least one.");
        }

        Console.WriteLine($"{context.SagaId} packing");
        double seconds = context.Parameters.Quantity * configuration.GetValue("SecondsPerPiece", 0.2);
        await Task.Delay(TimeSpan.FromSeconds(seconds), context.CancellationToken); // stands for real work
    }
}
