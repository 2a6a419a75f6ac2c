// A worker for Native AOT. With the variables of the page of the samples:
//   dotnet publish samples/AotWorker -o /tmp/aot-worker     # needs clang and zlib1g-dev
//   /tmp/aot-worker/AotWorker start 100                     # starts 100 sagas, and runs until Ctrl-C
//   /tmp/aot-worker/AotWorker                               # after a crash: recovers those that have not ended
using System.Globalization;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery()
    .AddDurableExecutor(options => options.Json.TypeInfoResolverChain.Add(OrderJson.Default))
    .AddSaga<PlaceOrder>();
using IHost host = builder.Build();
await host.StartAsync();

if (args is ["start", var count])
{
    SagaClient client = host.Services.GetRequiredService<SagaClient>();
    PlaceOrder saga = host.Services.GetRequiredService<PlaceOrder>();
    for (int i = 0; i < int.Parse(count, CultureInfo.InvariantCulture); i++)
    {
        await client.StartAsync(saga, new Order($"lamp {i}", Quantity: 1));
    }
}

await host.WaitForShutdownAsync();

internal sealed record Order(string Item, int Quantity);

internal sealed record Reservation(Guid Id, string Item);

/// <summary>The JSON of parameters and outputs: code that is generated for each type of a saga.</summary>
[JsonSerializable(typeof(Order))]
[JsonSerializable(typeof(Reservation))]
internal sealed partial class OrderJson : JsonSerializerContext;

/// <summary>Two steps, each of which may be run again after a crash.</summary>
internal sealed class PlaceOrder : Saga<Order>
{
    public override string Name => "place-order";

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode<Reservation> reserve = saga.Node("reserve", ReserveAsync, undo: (context, reservation) => StepAsync(context, $"releases {reservation.Id}"));
        saga.Node("ship", context => StepAsync(context, $"ships {context.Output(reserve).Item}"), after: reserve);
    }

    private static async Task<Reservation> ReserveAsync(NodeContext<Order> context)
    {
        await StepAsync(context, $"reserves {context.Parameters.Quantity}");
        return new Reservation(context.IdempotencyKey, context.Parameters.Item); // the same however often this step is run
    }

    private static async Task StepAsync(NodeContext<Order> context, string what)
    {
        Console.WriteLine($"{context.SagaId} {context.NodeName}: {what}");
        await Task.Delay(TimeSpan.FromMilliseconds(200), context.CancellationToken); // stands for real work
    }
}
