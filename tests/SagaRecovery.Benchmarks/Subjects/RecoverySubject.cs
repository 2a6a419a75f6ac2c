using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Our recovery with an executor that runs nothing: from the start of the host until every saga has been handed over.</summary>
internal sealed class RecoverySubject : Subject
{
    public const string SubjectName = "recovery";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(task.WarmUpRounds, async () =>
        {
            var warmUp = new Arrivals(task.WarmUpSagas);
            using IHost warm = ServiceHost.CreateNoOp(source, task.WarmUpOwner, warmUp);
            await warm.StartAsync();
            await warmUp.All;
            await warm.StopAsync();
        });

        var arrivals = new Arrivals(task.Sagas);
        IHost host = ServiceHost.CreateNoOp(source, task.Owner, arrivals);
        meter.Begin();
        await host.StartAsync();
        await arrivals.All;
        meter.End(task.Sagas);
    }
}
