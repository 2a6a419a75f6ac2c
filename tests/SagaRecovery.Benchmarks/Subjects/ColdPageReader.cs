using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The raw page reader from the launch of the process.</summary>
internal sealed class ColdPageReader : Subject
{
    public const string SubjectName = "raw pages, cold";

    public override string Name => SubjectName;

    public override bool IsCold => true;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        meter.BeginAt(task.LaunchedAt);
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        var arrivals = new Arrivals(task.Sagas);
        await new PageReader().ReadAsync(source, task.Owner, _ => arrivals.Note());
        meter.End(task.Sagas);
        meter.Note(arrivals);
    }
}
