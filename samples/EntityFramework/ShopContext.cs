using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using SagaRecovery;

/// <summary>The service's own tables.</summary>
internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<PlacedOrder> Orders => Set<PlacedOrder>();

    public DbSet<Stock> Stock => Set<Stock>();

    public DbSet<Payment> Payments => Set<Payment>();

    /// <summary>Makes the context work on the connection and in the transaction of a node.</summary>
    public Task UseAsync(DbTransaction transaction, CancellationToken cancellationToken)
    {
        Database.SetDbConnection(transaction.Connection);
        return Database.UseTransactionAsync(transaction, cancellationToken);
    }

    /// <summary>Stores an order together with its saga: either both are committed, or neither.</summary>
    /// <param name="order">The order.</param>
    /// <param name="startSaga">Starts the saga of the order in the transaction.</param>
    /// <returns>The id of the saga, which begins now.</returns>
    public async Task<SagaId> PlaceAsync(Order order, Func<DbTransaction, Task<SagaHandle>> startSaga)
    {
        await using IDbContextTransaction transaction = await Database.BeginTransactionAsync();
        SagaHandle saga = await startSaga(transaction.GetDbTransaction());
        Orders.Add(new PlacedOrder(saga.SagaId.Value, order.Item, order.Quantity));
        await SaveChangesAsync();
        await transaction.CommitAsync();
        return saga.SagaId;
    }

    /// <summary>Stands for your migrations. EnsureCreated does nothing in a database that has tables, such as those of the sagas.</summary>
    public Task CreateTablesAsync(CancellationToken cancellationToken = default) => Database.ExecuteSqlRawAsync(
        """
        create table if not exists "Orders" ("Id" uuid primary key, "Item" text not null, "Quantity" int not null);
        create table if not exists "Stock" ("Item" text primary key, "Available" int not null);
        create table if not exists "Payments" ("Id" uuid primary key, "Pieces" int not null);
        insert into "Stock" values ('lamp', 100) on conflict do nothing;
        """,
        cancellationToken);

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Stock>().HasKey(stock => stock.Item);
}

/// <param name="Id">The id of its saga.</param>
/// <param name="Item">The item.</param>
/// <param name="Quantity">The number of ordered pieces.</param>
internal sealed record PlacedOrder(Guid Id, string Item, int Quantity);

internal sealed record Stock(string Item, int Available);

/// <param name="Id">A new id.</param>
/// <param name="Pieces">The number of paid pieces.</param>
internal sealed record Payment(Guid Id, int Pieces);
