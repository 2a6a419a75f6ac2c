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
        await store.Cluster.ReadViewAsync(CancellationToken.None);
        await meter.RepeatAsync(task.Repeats, async () => (await store.Cluster.ReadViewAsync(CancellationToken.None)).Owners.Count);
    }
}
