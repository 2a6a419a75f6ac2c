using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Passes that have nothing to resume, from the request to its report.</summary>
internal sealed class PassSubject : Subject
{
    public const string SubjectName = "pass";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        IHost host = ServiceHost.CreateNoOp(source, task.Owner, new Arrivals(task.Sagas));
        await host.StartAsync();
        SagaRecoveryTrigger trigger = host.Services.GetRequiredService<SagaRecoveryTrigger>();
        await trigger.ActivateAsync(); // begins once the first pass is over, which has recovered everything
        await WarmUp.RunAsync(task.WarmUpRounds, () => trigger.ActivateAsync());
        await trigger.ActivateAsync();
        await meter.RepeatAsync(task.Repeats, async () => (await trigger.ActivateAsync()).Found);
    }
}
