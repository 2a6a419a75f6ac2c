using System.Collections.Concurrent;
using SagaRecovery;

namespace TestingASaga;

public sealed record Parcel(string Address, int Grams);

/// <summary>The saga under test. Each step hands its idempotency key to the depot, so that a repeated step finds what it has done.</summary>
public sealed class ParcelSaga(IDepot depot) : Saga<Parcel>
{
    public override string Name => "parcel";

    protected override void Define(SagaBuilder<Parcel> saga)
    {
        SagaNode shelf = saga.Node("store", c => depot.PutAsync(c.IdempotencyKey, $"parcel for {c.Parameters.Address}"), undo: RemoveAsync);
        SagaNode label = saga.Node("label", c => depot.PutAsync(c.IdempotencyKey, $"label of {c.Parameters.Grams} g"), undo: RemoveAsync, after: shelf);
        saga.Node("collect", c => depot.PutAsync(c.IdempotencyKey, "collection"), after: label);
    }

    private Task RemoveAsync(NodeContext<Parcel> context) => depot.RemoveAsync(context.ActionIdempotencyKey);
}

/// <summary>The system that the saga calls.</summary>
public interface IDepot
{
    Task PutAsync(Guid id, string thing);

    Task RemoveAsync(Guid id);
}

/// <summary>A depot that keeps its duties: putting a thing twice or removing it twice is the same as once.</summary>
public sealed class MemoryDepot : IDepot
{
    public ConcurrentDictionary<Guid, string> Things { get; } = new();

    public Task PutAsync(Guid id, string thing) => Task.FromResult(Things.TryAdd(id, thing));

    public Task RemoveAsync(Guid id) => Task.FromResult(Things.TryRemove(id, out _));
}

/// <summary>A depot that breaks its duties: each call puts another thing, and nothing finds it again.</summary>
public sealed class ForgetfulDepot : IDepot
{
    public ConcurrentBag<string> Things { get; } = [];

    public Task PutAsync(Guid id, string thing)
    {
        Things.Add(thing);
        return Task.CompletedTask;
    }

    public Task RemoveAsync(Guid id) => Task.CompletedTask;
}
