// Shows a request that waits for the result of its saga, but not longer than two seconds: it gets 201 with the result or 202 with an address.
// GET of that address has the result later, from any process and after a crash. A larger order, or --SecondsPerPiece=5, takes longer.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=shop-1 and SagaRecovery__Postgres__CreateSchema=true, then:
// curl -i http://localhost:5000/orders --json '{"item":"lamp","quantity":1}'
using Npgsql;
using SagaRecovery;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<OrderSaga>();
WebApplication app = builder.Build();

app.MapPost("/orders", async (Order order, SagaClient sagas, OrderSaga saga, TimeProvider time, CancellationToken cancellationToken) =>
{
    SagaId id = (await sagas.StartAsync(saga, order, cancellationToken: cancellationToken)).SagaId;
    using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(2), time);
    using var either = CancellationTokenSource.CreateLinkedTokenSource(patience.Token, cancellationToken);
    try
    {
        SagaResult result = await sagas.WaitAsync(id, either.Token); // of whichever process runs it to its end
        var status = OrderStatus.Of(id, result);
        return result switch
        {
            SagaResult.Succeeded => Results.Created($"/orders/{id}", status),
            SagaResult.Unwound => Results.Conflict(status),
            _ => Results.Problem($"An operator has to look at order {id}."),
        };
    }
    catch (OperationCanceledException) when (patience.IsCancellationRequested)
    {
        return Results.Accepted($"/orders/{id}", OrderStatus.Of(id, result: null)); // the saga continues; only the answer does not wait for it
    }
});

app.MapGet("/orders/{id:guid}", async (Guid id, SagaClient sagas, CancellationToken cancellationToken) =>
    await sagas.GetAsync(new SagaId(id), cancellationToken) is { } saga ? Results.Ok(OrderStatus.Of(saga.Id, saga.Result)) : Results.NotFound());

app.Run();

internal sealed record Order(string Item, int Quantity);

internal sealed record OrderStatus(Guid Id, string State, string? Tracking = null, string? Error = null)
{
    public static OrderStatus Of(SagaId id, SagaResult? result) => result switch
    {
        null => new OrderStatus(id.Value, "running"),
        SagaResult.Succeeded done => new OrderStatus(id.Value, "succeeded", done.Output<string>("ship")),
        SagaResult.Unwound unwound => new OrderStatus(id.Value, "unwound", Error: unwound.Error.Code),
        _ => new OrderStatus(id.Value, result.GetType().Name.ToLowerInvariant()),
    };
}

internal sealed class OrderSaga(IConfiguration configuration) : Saga<Order>
{
    public override string Name => "order";

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode packed = saga.Node("pack", PackAsync);
        saga.Node("ship", c => Task.FromResult($"parcel-{c.IdempotencyKey:N}"), after: packed);
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
