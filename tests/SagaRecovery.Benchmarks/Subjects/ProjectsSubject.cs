using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>
/// Creates projects: each is a saga with its whole log, in ten writes. Two coordinators with several writers each do so concurrently, and
/// write heartbeats meanwhile. Counts the MultiXactIds that the server assigns.
/// </summary>
internal class ProjectsSubject : Subject
{
    public const string SubjectName = "projects";

    private const int WritersOfACoordinator = 8;

    /// <summary>The next one less one, visible at once to every session: without a checkpoint, which <c>pg_control_checkpoint</c> needs.</summary>
    private const string CountMultiXactIds = "select mxid_age('1')";

    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromMilliseconds(20);

    private static readonly RunnableDefinition Runnable =
        new(ProjectLog.Definition.Hash, ProjectLog.Definition.Name, ProjectLog.Definition.Version);

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore one = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        await using ProcessStore two = await ProcessStore.JoinAsync(task.ConnectionString, task.WarmUpOwner);
        await using Heartbeats ofOne = await Heartbeats.StartAsync(one, HeartbeatPeriod, [Runnable]);
        await using Heartbeats ofTwo = await Heartbeats.StartAsync(two, HeartbeatPeriod, [Runnable]);
        int left = task.Sagas;

        int before = await CountAsync<int>(one.Source, CountMultiXactIds);
        meter.Begin();
        await Task.WhenAll(Enumerable.Repeat<ProcessStore[]>([one, two], WritersOfACoordinator).SelectMany(stores => stores).Select(
            store => Task.Run(() => WriteAsync(LogOf(store), store.Member, () => Interlocked.Decrement(ref left) >= 0))));
        meter.End(task.Sagas);
        meter.Note(Metric.MultiXactIds, await CountAsync<int>(one.Source, CountMultiXactIds) - before);

        long events = await CountAsync<long>(one.Source, "select count(*) from saga_recovery.saga_node_event");
        long succeeded = await CountAsync<long>(one.Source, "select count(*) from saga_recovery.saga where state = 'succeeded'");
        if (succeeded != task.Sagas || events != task.Sagas * ProjectLog.Steps.Sum(step => (long)step.Events.Length))
        {
            throw new InvalidOperationException($"Of {task.Sagas} projects, {succeeded} were made, with {events} events.");
        }
    }

    /// <summary>The store of the projects.</summary>
    protected virtual ISagaLog LogOf(ProcessStore store) => store.Log;

    private static async Task WriteAsync(ISagaLog log, Membership member, Func<bool> isThereOneMore)
    {
        while (isThereOneMore())
        {
            var saga = new SagaId(Guid.CreateVersion7());
            Ensure(await log.CreateAsync(member, new NewSaga(saga, ProjectLog.Definition, ProjectLog.Parameters), CancellationToken.None));
            foreach ((SavedNodeEvent[] events, SagaState? newState) in ProjectLog.Steps)
            {
                var entry = new SagaLogEntry(saga, AdoptGeneration.Initial, events, newState);
                Ensure((await log.AppendAsync(member, [entry], CancellationToken.None))[0]);
            }
        }
    }

    private static void Ensure(bool written)
    {
        if (!written)
        {
            throw new InvalidOperationException("A write about a project was refused.");
        }
    }

    private static async Task<T> CountAsync<T>(NpgsqlDataSource source, string query)
    {
        await using NpgsqlCommand command = source.CreateCommand(query);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}

/// <summary>The same as with version 3 of the tables.</summary>
internal sealed class RowLockProjectsSubject : ProjectsSubject
{
    public new const string SubjectName = "projects, row lock";

    public override string Name => SubjectName;

    protected override ISagaLog LogOf(ProcessStore store) => new RowLockLog(store.Source);
}
