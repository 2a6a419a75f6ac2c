using Microsoft.Extensions.Hosting;
using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Our recovery as after a crash: from the launch of the process, with nothing compiled and nothing connected.</summary>
internal sealed class ColdRecovery : Subject
{
    public const string SubjectName = "recovery, cold";

    public override string Name => SubjectName;

    public override bool IsCold => true;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        meter.BeginAt(task.LaunchedAt);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        var arrivals = new Arrivals(task.Sagas);
        IHost host = ServiceHost.CreateNoOp(source, task.Owner, arrivals);
        await host.StartAsync();
        await arrivals.All;
        meter.End(task.Sagas);
        meter.Note(arrivals);
    }
}
