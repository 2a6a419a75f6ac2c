using Microsoft.EntityFrameworkCore;

/// <summary>The service's own tables.</summary>
internal sealed class ShopContext(DbContextOptions<ShopContext> options) : DbContext(options)
{
    public DbSet<Stock> Stock => Set<Stock>();

    public DbSet<Reservation> Reservations => Set<Reservation>();

    public DbSet<Payment> Payments => Set<Payment>();

    /// <summary>Stands for your migrations. EnsureCreated does nothing in a database that has tables, such as those of the sagas.</summary>
    public Task CreateTablesAsync(CancellationToken cancellationToken = default) => Database.ExecuteSqlRawAsync(
        """
        create table if not exists "Stock" ("Item" text primary key, "Available" int not null);
        create table if not exists "Reservations" ("Id" uuid primary key, "Item" text not null, "Quantity" int not null);
        create table if not exists "Payments" ("Id" uuid primary key, "Pieces" int not null);
        insert into "Stock" values ('lamp', 100) on conflict do nothing;
        """,
        cancellationToken);

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.Entity<Stock>().HasKey(stock => stock.Item);
}

internal sealed record Stock(string Item, int Available);

/// <param name="Id">The idempotency key of the step that made it.</param>
/// <param name="Item">The item.</param>
/// <param name="Quantity">The number of reserved pieces.</param>
internal sealed record Reservation(Guid Id, string Item, int Quantity);

/// <param name="Id">The idempotency key of the step that made it.</param>
/// <param name="Pieces">The number of paid pieces.</param>
internal sealed record Payment(Guid Id, int Pieces);
