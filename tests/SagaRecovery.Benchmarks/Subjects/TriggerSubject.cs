using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Status;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>From the request of a pass at an idle process until the pass begins.</summary>
internal sealed class TriggerSubject : Subject
{
    public const string SubjectName = "trigger";

    /// <summary>Lets the loop become idle, as it is when a trigger arrives.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(2);

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        IHost host = ServiceHost.CreateNoOp(source, task.Owner, new Arrivals(task.Sagas));
        await host.StartAsync();
        SagaRecoveryTrigger trigger = host.Services.GetRequiredService<SagaRecoveryTrigger>();
        TimeProvider time = host.Services.GetRequiredService<TimeProvider>();
        await trigger.ActivateAsync();

        List<double> seconds = [];
        meter.Begin();
        for (int i = 0; i < task.Repeats; i++)
        {
            await Task.Delay(Pause);
            DateTimeOffset asked = time.GetUtcNow();
            PassReport report = await trigger.ActivateAsync();
            seconds.Add((report.Start.StartedAt - asked).TotalSeconds);
        }

        meter.EndRepeated(rows: 0, seconds);
    }
}
