using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Passes of a process that cannot run any of its sagas: their definition is unknown to it.</summary>
internal sealed class UnknownSubject : Subject
{
    public const string SubjectName = "unknown";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        using IHost host = ChainHost.Create(source, task.Owner, atATime: 1_000, new Gate());
        await host.StartAsync();
        SagaRecoveryTrigger trigger = host.Services.GetRequiredService<SagaRecoveryTrigger>();
        await WarmUp.RunAsync(task.WarmUpRounds, () => trigger.ActivateAsync());
        await trigger.ActivateAsync();
        await meter.RepeatAsync(task.Repeats, async () => (await trigger.ActivateAsync()).Found);
        await host.StopAsync();
    }
}
