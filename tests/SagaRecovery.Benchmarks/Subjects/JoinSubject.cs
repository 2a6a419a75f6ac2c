using SagaRecovery.Fencing;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Another process joins under the id of the coordinator that writes.</summary>
internal sealed class JoinSubject : TakingSubject
{
    public const string SubjectName = "join";

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore writing = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        await using ProcessStore joining = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        List<Guid> sagas = await PerSagaReader.ListAsync(writing.Source, task.Owner);
        await RepeatAsync(task, meter, writing.Log, sagas, joining.Member.Of(AdoptGeneration.Initial), JoinAsync);

        async Task<Ownership> JoinAsync()
        {
            Incarnation before = joining.Member.Incarnation;
            Membership member = await joining.JoinAsync();
            return member.Incarnation.Value == before.Value + 1
                ? member.Of(AdoptGeneration.Initial)
                : throw new InvalidOperationException($"A join after incarnation {before} gave {member.Incarnation}.");
        }
    }
}
