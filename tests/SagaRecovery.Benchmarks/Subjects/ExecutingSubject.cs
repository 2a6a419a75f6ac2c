using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The durable executor alone: sagas are started and held at their first node or queued in the executor, then all are released, so many at a time, until
/// the last has ended.
/// </summary>
internal class ExecutingSubject : Subject
{
    public const string SubjectName = "executor";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(rounds: 1, async () => // executed sagas have ended
        {
            using IHost warm = await RunAsync(source, task.WarmUpSagas, task.AtATime, () => { });
            await warm.StopAsync();
        });

        await RunAsync(source, task.Sagas, task.AtATime, meter.Begin);
        meter.EndExecuted(task.Sagas);
    }

    private static async Task<IHost> RunAsync(NpgsqlDataSource source, int sagas, int atATime, Action begin)
    {
        var gate = new Gate();
        IHost host = ChainHost.Create(source, Guid.NewGuid(), atATime, gate); // one that finds nothing to recover
        await host.StartAsync();
        await ChainHost.StartAsync(host, sagas);
        begin();
        gate.Open();
        await ChainHost.HasUnfinishedAsync(host, 0);
        return host;
    }
}

/// <summary>The same with the garbage collector for servers, which a service on ASP.NET Core has by default.</summary>
internal sealed class ServerExecutingSubject : ExecutingSubject
{
    public new const string SubjectName = "executor, server GC";

    public override string Name => SubjectName;

    public override IReadOnlyDictionary<string, string> Runtime { get; } = new Dictionary<string, string> { ["DOTNET_gcServer"] = "1" };
}
