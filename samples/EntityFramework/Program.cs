// Shows a saga that writes the service's own tables with EF Core, in transactional nodes: each step takes effect exactly once.
// The order and its saga are stored in one transaction. Orders of up to 10 pieces succeed. The card of a larger one is declined, and its reservation is undone.
// Run it with ConnectionStrings__Sagas, SagaRecovery__CoordinatorId=shop-1 and SagaRecovery__Postgres__CreateSchema=true:
// dotnet run --project samples/EntityFramework order lamp 2
using System.Globalization;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddDbContext<ShopContext>((services, options) => options.UseNpgsql(services.GetRequiredService<NpgsqlDataSource>()));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<OrderSaga>(ServiceLifetime.Scoped);
using IHost host = builder.Build();

await using (AsyncServiceScope scope = host.Services.CreateAsyncScope())
{
    await scope.ServiceProvider.GetRequiredService<ShopContext>().CreateTablesAsync(); // before the host starts, which resumes sagas that need the tables
}

await host.StartAsync();

if (args is ["order", var item, var quantity])
{
    var order = new Order(item, int.Parse(quantity, CultureInfo.InvariantCulture));
    await using AsyncServiceScope scope = host.Services.CreateAsyncScope(); // a web request has one
    SagaClient sagas = host.Services.GetRequiredService<SagaClient>();
    SagaId id = await scope.ServiceProvider.GetRequiredService<ShopContext>().PlaceAsync(
        order, transaction => sagas.StartAsync(scope.ServiceProvider.GetRequiredService<OrderSaga>(), order, transaction));
    Console.WriteLine(await sagas.WaitAsync(id) switch
    {
        SagaResult.Succeeded => $"ordered: {order}",
        SagaResult.Unwound unwound => $"undone: {unwound.Error.Code}",
        SagaResult other => $"{other}",
    });
}

await host.WaitForShutdownAsync();
