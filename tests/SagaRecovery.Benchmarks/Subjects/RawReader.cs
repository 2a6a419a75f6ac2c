using Npgsql;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Reads the same rows as recovery with Npgsql alone, and returns each saga once it is complete.</summary>
internal abstract class RawReader : Subject
{
    /// <summary>The sagas that a coordinator is to recover: <c>$1</c>.</summary>
    protected const string Mine = "current_coordinator = $1 and state in ('running', 'unwinding')";

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using NpgsqlDataSource source = NpgsqlDataSource.Create(task.ConnectionString);
        await WarmUp.RunAsync(task.WarmUpRounds, () => ReadAsync(source, task.WarmUpOwner, _ => { }));
        long read = 0;
        meter.Begin();
        await ReadAsync(source, task.Owner, _ => read++);
        meter.End(read);
        if (read != task.Sagas)
        {
            throw new InvalidOperationException($"'{Name}' has read {read} of {task.Sagas} sagas.");
        }
    }

    /// <summary>Reads all sagas of a coordinator.</summary>
    public abstract Task ReadAsync(NpgsqlDataSource source, Guid owner, Action<RawSaga> take);
}
