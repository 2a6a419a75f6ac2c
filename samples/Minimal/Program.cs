using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery;

HostApplicationBuilder builder = Host.CreateApplicationBuilder(args);
builder.Services.AddSingleton(NpgsqlDataSource.Create(builder.Configuration.GetConnectionString("Sagas")!));
builder.Services.AddSagaRecovery().AddDurableExecutor().AddSaga<CreateDisk>();
using IHost host = builder.Build();
await host.StartAsync();

if (args is ["create", var name])
{
    SagaHandle saga = await host.Services.GetRequiredService<SagaClient>()
        .StartAsync(host.Services.GetRequiredService<CreateDisk>(), new DiskRequest(name, SizeGb: 10));
    Console.WriteLine(await saga.Completion);
}

await host.WaitForShutdownAsync();

internal sealed record DiskRequest(string Name, int SizeGb);

/// <summary>Three steps, each of which may be run again after a crash, and is undone if a later one fails.</summary>
internal sealed class CreateDisk : Saga<DiskRequest>
{
    public override string Name => "create-disk";

    protected override void Define(SagaBuilder<DiskRequest> saga)
    {
        SagaNode<string> region = saga.Node("allocate-region", AllocateAsync, undo: FreeAsync);
        SagaNode volume = saga.Node("make-volume", c => StepAsync(c, $"volume on {c.Output(region)}"), undo: DeleteAsync, after: region);
        saga.Node("attach", c => StepAsync(c, "attached"), after: volume);
    }

    private static async Task<string> AllocateAsync(NodeContext<DiskRequest> context)
    {
        await StepAsync(context, $"{context.Parameters.SizeGb} GB for {context.Parameters.Name}");
        return $"region-{context.IdempotencyKey:N}"; // the same however often this step is run
    }

    private static Task FreeAsync(NodeContext<DiskRequest> context, string region) => StepAsync(context, $"{region} freed");

    private static Task DeleteAsync(NodeContext<DiskRequest> context) => StepAsync(context, "volume deleted");

    private static async Task StepAsync(NodeContext<DiskRequest> context, string what)
    {
        await Task.Delay(TimeSpan.FromSeconds(2), context.CancellationToken); // stands for real work
        Console.WriteLine($"{context.SagaId} {context.NodeName}: {what}");
    }
}
