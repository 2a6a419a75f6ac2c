using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Successive sagas of many nodes that do nothing, from the start to the end of each.</summary>
/// <param name="name">The name of the subject.</param>
/// <param name="isChain">True for nodes one after the other; false for nodes side by side.</param>
/// <param name="fails">True if the last node fails, so that all others are undone.</param>
internal sealed class ShapedSubject(string name, bool isChain, bool fails) : Subject
{
    public const string SideBySide = "side by side";
    public const string SideBySideUnwound = "side by side, unwound";
    public const string Chain = "chain";
    public const string ChainUnwound = "chain, unwound";

    public override string Name => name;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        using IHost host = ServiceHost.Create(source, Guid.NewGuid(), recovery => recovery.AddDurableExecutor().AddSaga<ShapedSaga>());
        await host.StartAsync();
        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        ShapedSaga saga = host.Services.GetRequiredService<ShapedSaga>();
        var shape = new Shape(task.Sagas, isChain, fails);
        await WarmUp.RunAsync(Math.Min(task.WarmUpRounds, task.Repeats), RunOneAsync);

        List<double> seconds = [];
        meter.Begin();
        for (int i = 0; i < task.Repeats; i++)
        {
            long began = Stopwatch.GetTimestamp();
            await RunOneAsync();
            seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        meter.EndRepeated(rows: task.Sagas, seconds);
        await host.StopAsync();

        async Task RunOneAsync()
        {
            SagaHandle handle = await client.StartAsync(saga, shape);
            SagaResult result = await handle.Completion;
            if (result is SagaResult.Succeeded == fails)
            {
                throw new InvalidOperationException($"The saga ended as {result}.");
            }
        }
    }

    private sealed record Shape(int Nodes, bool IsChain, bool Fails);

    private sealed class ShapedSaga : DynamicSaga<Shape>
    {
        public override string Name => "shaped";

        protected override void Define(SagaBuilder<Shape> saga, Shape parameters)
        {
            List<SagaNode> nodes = [];
            for (int node = 1; node < parameters.Nodes; node++)
            {
                IReadOnlyList<SagaNode> after = parameters.IsChain && nodes.Count > 0 ? [nodes[^1]] : [];
                nodes.Add(saga.Node($"node-{node}", action: _ => Task.CompletedTask, undo: _ => Task.CompletedTask, after));
            }

            saga.Node(
                "last",
                action: _ => parameters.Fails ? throw new SagaActionException("last", "the last node fails") : Task.CompletedTask,
                after: parameters.IsChain && nodes.Count > 0 ? [nodes[^1]] : nodes);
        }
    }
}
