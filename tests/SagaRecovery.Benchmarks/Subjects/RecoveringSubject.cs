using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A service that recovers, warm: from the start of its host until every saga has arrived.</summary>
internal abstract class RecoveringSubject : Subject
{
    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(task.WarmUpRounds, async () =>
        {
            var warmUp = new Arrivals(task.WarmUpSagas);
            using IHost warm = Create(source, task.WarmUpOwner, warmUp);
            await warm.StartAsync();
            await warmUp.All;
            await warm.StopAsync();
        });

        var arrivals = new Arrivals(task.Sagas);
        IHost host = Create(source, task.Owner, arrivals);
        meter.Begin();
        await host.StartAsync();
        await arrivals.All;
        meter.End(task.Sagas);
        meter.Note(arrivals);
    }

    protected abstract IHost Create(NpgsqlDataSource source, Guid owner, Arrivals arrivals);
}
