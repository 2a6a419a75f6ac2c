using System.Collections.Concurrent;
using SagaRecovery;
using SagaRecovery.Testing.Idempotency;

namespace DiskService.Tests;

public sealed class CreateDiskTests
{
    [Fact]
    public async Task Every_step_can_be_repeated_and_taken_back()
    {
        var cloud = new Cloud();
        IdempotencyReport report = await new IdempotencyCheck<DiskRequest>
        {
            Saga = new CreateDisk(cloud),
            Parameters = new DiskRequest("disk-1", SizeGb: 10),
            State = _ => Task.FromResult(cloud.Things.Select(thing => $"{thing.Key}: {thing.Value}")), // without times
            Reset = _ => cloud.ClearAsync(),
        }.RunAsync();

        report.ThrowIfFaulty();
    }
}

internal sealed record DiskRequest(string Name, int SizeGb);

internal sealed class CreateDisk(Cloud cloud) : Saga<DiskRequest>
{
    public override string Name => "create-disk";

    protected override void Define(SagaBuilder<DiskRequest> saga)
    {
        SagaNode region = saga.Node("allocate-region", c => cloud.MakeAsync(c.IdempotencyKey, "region"), undo: DeleteAsync);
        SagaNode volume = saga.Node("make-volume", c => cloud.MakeAsync(c.IdempotencyKey, c.Parameters.Name), undo: DeleteAsync, after: region);
        saga.Node("attach", c => cloud.MakeAsync(c.IdempotencyKey, "attachment"), after: volume);
    }

    private Task DeleteAsync(NodeContext<DiskRequest> context) => cloud.DeleteAsync(context.ActionIdempotencyKey);
}

/// <summary>The system that the saga changes: in your tests the real one, or its test double.</summary>
internal sealed class Cloud
{
    public ConcurrentDictionary<Guid, string> Things { get; } = new();

    public Task MakeAsync(Guid id, string what) => Task.FromResult(Things.TryAdd(id, what)); // a repetition finds the existing one

    public Task DeleteAsync(Guid id) => Task.FromResult(Things.TryRemove(id, out _)); // a repetition finds nothing to delete

    public Task ClearAsync()
    {
        Things.Clear();
        return Task.CompletedTask;
    }
}
