using System.Diagnostics;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>The view of all coordinators and of the owners of unfinished sagas, which each process reads to find out whom to take over from.</summary>
internal sealed class OwnersSubject : Subject
{
    public const string SubjectName = "owners";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore store = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        await WarmUp.RunAsync(task.WarmUpRounds, () => store.Cluster.ReadViewAsync(CancellationToken.None));
        ClusterView view = await store.Cluster.ReadViewAsync(CancellationToken.None);

        List<double> seconds = [];
        meter.Begin();
        for (int i = 0; i < task.Repeats; i++)
        {
            long began = Stopwatch.GetTimestamp();
            view = await store.Cluster.ReadViewAsync(CancellationToken.None);
            seconds.Add(Stopwatch.GetElapsedTime(began).TotalSeconds);
        }

        meter.EndRepeated(view.Owners.Count, seconds);
    }
}
