using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using SagaRecovery.Benchmarks.Data;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// The durable executor recovers all sagas of an outage and runs each to its last node. Its memory is compared with that of the same process before
/// it: warm, and without sagas.
/// </summary>
internal sealed class BacklogSubject : Subject
{
    public const string SubjectName = "backlog";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        var warmUp = new Backlog(task.WarmUpSagas);
        using (IHost warm = Create(source, task.WarmUpOwner, warmUp))
        {
            await warm.StartAsync();
            await warmUp.Ended.All;
            await warm.StopAsync();
        }

        var backlog = new Backlog(task.Sagas);
        IHost host = Create(source, task.Owner, backlog);
        meter.Begin();
        long idle = Environment.WorkingSet;
        await host.StartAsync();
        await backlog.Ended.All;
        meter.End(task.Sagas);
        meter.Note(backlog.Begun);
        meter.Note(Metric.IdleBytes, idle);
        meter.Note(Metric.ListedSeconds, Stopwatch.GetElapsedTime(meter.Began, backlog.ListedAt).TotalSeconds);
    }

    private static IHost Create(NpgsqlDataSource source, Guid owner, Backlog backlog)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders().SetMinimumLevel(LogLevel.Warning);
        builder.Logging.AddFilter("SagaRecovery.Hosting.SagaRecoveryService", LogLevel.Debug).Services.AddSingleton(backlog.Watch());
        builder.Services.AddSingleton(source).AddSingleton(backlog);
        builder.Services.AddSagaRecovery(options => options.CoordinatorId = new CoordinatorId(owner)).AddDurableExecutor().AddSaga<BacklogSaga>();
        return builder.Build();
    }
}
