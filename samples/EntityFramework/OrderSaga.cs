using System.Data.Common;
using Microsoft.EntityFrameworkCore;
using SagaRecovery;

internal sealed record Order(string Item, int Quantity);

/// <summary>
/// Reserves stock and takes the payment, in the transactions that also write the ends of these nodes: each happens exactly once. Registered as scoped, so
/// each attempt has a new context.
/// </summary>
internal sealed class OrderSaga(ShopContext db) : Saga<Order>
{
    public override string Name => "order";

    protected override void Define(SagaBuilder<Order> saga)
    {
        SagaNode reserved = saga.TransactionalNode("reserve", ReserveAsync, undo: ReleaseAsync);
        saga.TransactionalNode("pay", PayAsync, after: reserved);
    }

    private async Task ReserveAsync(NodeContext<Order> context, DbTransaction transaction)
    {
        (string item, int quantity) = context.Parameters;
        await db.UseAsync(transaction, context.CancellationToken);
        int taken = await db.Stock.Where(stock => stock.Item == item && stock.Available >= quantity)
            .ExecuteUpdateAsync(stock => stock.SetProperty(s => s.Available, s => s.Available - quantity), context.CancellationToken);
        if (taken == 0)
        {
            throw new SagaActionException("out-of-stock", $"Fewer than {quantity} pieces of '{item}' are left."); // and nothing is committed
        }
    }

    private async Task ReleaseAsync(NodeContext<Order> context, DbTransaction transaction)
    {
        (string item, int quantity) = context.Parameters;
        await db.UseAsync(transaction, context.CancellationToken);
        await db.Stock.Where(stock => stock.Item == item)
            .ExecuteUpdateAsync(stock => stock.SetProperty(s => s.Available, s => s.Available + quantity), context.CancellationToken);
    }

    private async Task PayAsync(NodeContext<Order> context, DbTransaction transaction)
    {
        if (context.Parameters.Quantity > 10)
        {
            throw new SagaActionException("card-declined", "The order is too large for this card.");
        }

        await db.UseAsync(transaction, context.CancellationToken);
        db.Payments.Add(new Payment(Guid.NewGuid(), context.Parameters.Quantity));
        await db.SaveChangesAsync(context.CancellationToken);
    }
}
