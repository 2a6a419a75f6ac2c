using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Executor;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Our recovery with the durable executor: from the start of the host until every saga is back in user code.</summary>
internal sealed class ResumingSubject : Subject
{
    public const string SubjectName = "durable executor";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(task.WarmUpRounds, async () =>
        {
            var warmUp = new Arrivals(task.WarmUpSagas);
            using IHost warm = Create(source, task.WarmUpOwner, task.WarmUpSagas, warmUp);
            await warm.StartAsync();
            await warmUp.All;
            await warm.StopAsync();
        });

        var arrivals = new Arrivals(task.Sagas);
        IHost host = Create(source, task.Owner, task.Sagas, arrivals);
        meter.Begin();
        await host.StartAsync();
        await arrivals.All;
        meter.End(task.Sagas);
        meter.Note(arrivals);
    }

    private static IHost Create(NpgsqlDataSource source, Guid owner, int sagas, Arrivals arrivals) => ServiceHost.Create(source, owner, recovery =>
    {
        recovery.AddDurableExecutor(options => options.MaxRunningSagas = sagas).AddSaga<InFlightSaga>();
        recovery.Services.AddSingleton(arrivals);
    });
}
