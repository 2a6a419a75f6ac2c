using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Testing.Idempotency;
using Samples.Tests.Support;

namespace Samples.Tests;

[Collection(OnPostgres.Name)]
public sealed class EntityFrameworkTests(PostgresCluster postgres)
{
    private const string Rows =
        """
        select "Item" || ' ' || "Available" || ' left' from "Stock"
        union all select 'ordered ' || "Quantity" from "Orders"
        union all select 'paid ' || "Pieces" from "Payments"
        """;

    [Fact]
    public async Task An_order_writes_the_tables_and_a_failed_one_is_undone()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using (SampleProcess first = SampleProcess.Start("EntityFramework", database, "order", "lamp", "2"))
        {
            await first.PrintsAsync("ordered: Order { Item = lamp, Quantity = 2 }");
            (await first.TerminateAsync()).Should().Be(0);
        }

        await using SampleProcess second = SampleProcess.Start("EntityFramework", database, "order", "lamp", "20");
        await second.PrintsAsync("undone: card-declined");

        (await database.RowsAsync(Rows)).Should().BeEquivalentTo("lamp 98 left", "paid 2", "ordered 2", "ordered 20");
        (await database.SagasAsync()).Should().Equal("order succeeded", "order unwound");
    }

    [Fact]
    public async Task Every_step_can_be_repeated_and_taken_back()
    {
        SampleDatabase database = await SampleDatabase.CreateAsync(postgres);
        await using var dataSource = NpgsqlDataSource.Create(database.ConnectionString);
        await using ServiceProvider services = new ServiceCollection()
            .AddDbContext<ShopContext>(options => options.UseNpgsql(database.ConnectionString))
            .AddScoped<OrderSaga>()
            .BuildServiceProvider();
        await using AsyncServiceScope scope = services.CreateAsyncScope();
        ShopContext shop = scope.ServiceProvider.GetRequiredService<ShopContext>();
        await shop.CreateTablesAsync();

        IdempotencyReport report = await new IdempotencyCheck<Order>
        {
            Saga = scope.ServiceProvider.GetRequiredService<OrderSaga>(),
            Parameters = new Order("lamp", 2),
            Services = services,
            OpenConnection = async cancellationToken => await dataSource.OpenConnectionAsync(cancellationToken),
            State = async _ => await database.RowsAsync(Rows),
            Reset = cancellationToken => shop.Database.ExecuteSqlRawAsync(
                """delete from "Payments"; update "Stock" set "Available" = 100""", cancellationToken),
        }.RunAsync();

        report.ThrowIfFaulty();
    }
}
