// Shows a request that starts one saga, however often and to whichever process the client sends it: its key is the key of the saga.
// The first POST gets 202. A repeated one gets 200 with the state of the saga, and the same key with another order gets 422.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=shop-1 and SagaRecovery__Postgres__CreateSchema=true, then twice:
// curl -i http://localhost:5000/orders -H 'Idempotency-Key: 8c3b9f6e' --json '{"item":"lamp","quantity":2}'
using Microsoft.AspNetCore.Mvc;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Execution;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<OrderSaga>();
WebApplication app = builder.Build();

app.MapPost("/orders", async (
    [FromHeader(Name = "Idempotency-Key")] string? key, Order order, SagaClient sagas, OrderSaga saga, HttpContext http, CancellationToken cancellationToken) =>
{
    if (string.IsNullOrWhiteSpace(key))
    {
        return Results.BadRequest("The header Idempotency-Key is missing.");
    }

    try
    {
        // With authentication, put the caller into the key: otherwise one who sends the key of another gets the state of its order.
        SagaHandle handle = await sagas.StartAsync(saga, order, new SagaStartOptions { Key = key }, cancellationToken);
        string address = $"/orders/{handle.SagaId}";
        return handle.IsNew ? Results.Accepted(address) : Results.Ok(await StateOfAsync(sagas, handle.SagaId, cancellationToken));
    }
    catch (SagaConflictException) // an earlier request with this key was another one
    {
        return Results.UnprocessableEntity("Another order has this key.");
    }
    catch (SagaStartRefusedException) // this process drains or shuts down; the client may send the same request again
    {
        http.Response.Headers.RetryAfter = "1";
        return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
    }
});

app.MapGet("/orders/{id:guid}", async (Guid id, SagaClient sagas, CancellationToken cancellationToken) =>
    await StateOfAsync(sagas, new SagaId(id), cancellationToken) is { } state ? Results.Ok(state) : Results.NotFound());

app.Run();

static async Task<OrderState?> StateOfAsync(SagaClient sagas, SagaId id, CancellationToken cancellationToken) =>
    await sagas.GetAsync(id, cancellationToken) is { } saga ? new OrderState(id.Value, saga.State.ToString().ToLowerInvariant()) : null;

internal sealed record OrderState(Guid Id, string State);

internal sealed record Order(string Item, int Quantity);

internal sealed class OrderSaga : Saga<Order>
{
    public override string Name => "order";

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode reserved = saga.Node("reserve", c => WorkAsync(c, $"reserving {c.Parameters.Quantity} {c.Parameters.Item}"));
        saga.Node("ship", c => WorkAsync(c, "shipping"), after: reserved);
    }

    private static async Task WorkAsync(NodeContext<Order> context, string what)
    {
        Console.WriteLine($"{context.SagaId} {what}");
        await Task.Delay(TimeSpan.FromSeconds(1), context.CancellationToken); // stands for a call with context.IdempotencyKey
    }
}
