using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Storage;
using Npgsql;
using SagaRecovery;

internal sealed record Order(string Item, int Quantity);

/// <summary>
/// Reserves stock and takes the payment: a transaction for each attempt of a step. The executor retries one that the database left open.
/// Registered as scoped, so each attempt has a new context.
/// </summary>
internal sealed class OrderSaga(ShopContext db) : Saga<Order>
{
    public override string Name => "order";

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode reserved = saga.Node("reserve", ReserveAsync, undo: ReleaseAsync);
        saga.Node("pay", PayAsync, after: reserved);
    }

    private Task ReserveAsync(NodeContext<Order> context) => InTransactionAsync(context, async cancellationToken =>
    {
        (string item, int quantity) = context.Parameters;
        db.Reservations.Add(new Reservation(context.IdempotencyKey, item, quantity));
        if (!await TrySaveAsync(cancellationToken))
        {
            return;
        }

        int taken = await db.Stock.Where(stock => stock.Item == item && stock.Available >= quantity)
            .ExecuteUpdateAsync(stock => stock.SetProperty(s => s.Available, s => s.Available - quantity), cancellationToken);
        if (taken == 0)
        {
            throw new SagaActionException("out-of-stock", $"Fewer than {quantity} pieces of '{item}' are left."); // and nothing is committed
        }
    });

    private Task ReleaseAsync(NodeContext<Order> context) => InTransactionAsync(context, async cancellationToken =>
    {
        (string item, int quantity) = context.Parameters;
        if (await db.Reservations.Where(reservation => reservation.Id == context.ActionIdempotencyKey).ExecuteDeleteAsync(cancellationToken) == 1)
        {
            await db.Stock.Where(stock => stock.Item == item)
                .ExecuteUpdateAsync(stock => stock.SetProperty(s => s.Available, s => s.Available + quantity), cancellationToken);
        }
    });

    private Task PayAsync(NodeContext<Order> context) => InTransactionAsync(context, async cancellationToken =>
    {
        if (context.Parameters.Quantity > 10)
        {
            throw new SagaActionException("card-declined", "The order is too large for this card.");
        }

        db.Payments.Add(new Payment(context.IdempotencyKey, context.Parameters.Quantity));
        await TrySaveAsync(cancellationToken);
    });

    /// <returns>False if the row exists: an earlier run of the step has committed it, with all that belongs to it.</returns>
    private async Task<bool> TrySaveAsync(CancellationToken cancellationToken)
    {
        try
        {
            await db.SaveChangesAsync(cancellationToken);
            return true;
        }
        catch (DbUpdateException e) when (e.InnerException is PostgresException { SqlState: PostgresErrorCodes.UniqueViolation })
        {
            return false;
        }
    }

    private async Task InTransactionAsync(NodeContext<Order> context, Func<CancellationToken, Task> work)
    {
        await using IDbContextTransaction transaction = await db.Database.BeginTransactionAsync(context.CancellationToken);
        await work(context.CancellationToken);
        await transaction.CommitAsync(context.CancellationToken);
    }
}
