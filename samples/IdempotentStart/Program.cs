// Shows a request that starts one saga, however often the client sends it: the id in the address is the id of the saga.
// The first PUT gets 202. A repeated one gets 200 with the state of the saga, and the same id with another order gets 409.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=shop-1 and SagaRecovery__Postgres__CreateSchema=true, then twice:
// curl -i -X PUT http://localhost:5000/orders/8c3b9f6e-5d0f-4a53-9d6b-0f4f5a4c1d2e --json '{"item":"lamp","quantity":2}'
using System.Text.Json;
using Npgsql;
using SagaRecovery;
using SagaRecovery.Execution;
using SagaRecovery.Storage;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<OrderSaga>();
WebApplication app = builder.Build();

app.MapPut("/orders/{id:guid}", async (
    Guid id, Order order, SagaClient sagas, OrderSaga saga, ISagaOperations operations, HttpContext http, CancellationToken cancellationToken) =>
{
    if (id == Guid.Empty)
    {
        return Results.BadRequest("The id of an order must not be empty.");
    }

    try
    {
        await sagas.StartAsync(saga, order, new SagaStartOptions { Id = new SagaId(id) }, cancellationToken);
        return Results.Accepted($"/orders/{id}", new { id, state = "running" });
    }
    catch (SagaStartRefusedException) // this process drains or shuts down; the client may send the same request again
    {
        http.Response.Headers.RetryAfter = "1";
        return Results.StatusCode(StatusCodes.Status503ServiceUnavailable);
    }
    catch (InvalidOperationException)
    {
        // A saga with this id exists: an earlier request has started it, or another client took the same id.
        if (await operations.FindAsync(new SagaId(id), cancellationToken) is not { } earlier)
        {
            throw;
        }

        return earlier.Summary.Name == saga.Name && JsonSerializer.Deserialize<Order>(earlier.Parameters, JsonSerializerOptions.Web) == order
            ? Results.Ok(new { id, state = StateOf(earlier) })
            : Results.Conflict("Another order has this id.");
    }
});

app.MapGet("/orders/{id:guid}", async (Guid id, ISagaOperations operations, CancellationToken cancellationToken) =>
    await operations.FindAsync(new SagaId(id), cancellationToken) is { } found ? Results.Ok(new { id, state = StateOf(found) }) : Results.NotFound());

app.Run();

static string StateOf(SagaDetails saga) => saga.Summary.State.ToString().ToLowerInvariant();

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
