using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Sagas from start to end by <c>SagaClient</c>, a given number concurrently.</summary>
internal sealed class StartingSubject : Subject
{
    public const string SubjectName = "client and executor";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        var open = new Gate();
        open.Open();
        IHost host = ChainHost.Create(source, Guid.NewGuid(), task.AtATime, open); // one that finds nothing to recover
        await host.StartAsync();
        await WarmUp.RunAsync(rounds: 1, () => ChainHost.RunAsync(host, task.WarmUpSagas, task.AtATime));
        meter.Begin();
        await ChainHost.RunAsync(host, task.Sagas, task.AtATime);
        meter.EndExecuted(task.Sagas);
    }
}
