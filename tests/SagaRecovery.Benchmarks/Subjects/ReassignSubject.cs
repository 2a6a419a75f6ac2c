using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>All sagas of the writing coordinator are reassigned to another, which continues to write; then back.</summary>
internal sealed class ReassignSubject : TakingSubject
{
    public const string SubjectName = "reassign";

    private static readonly TimeSpan HeartbeatPeriod = TimeSpan.FromSeconds(1);

    public override string Name => SubjectName;

    public override async Task RunAsync(SubjectTask task, Meter meter)
    {
        await using ProcessStore owner = await ProcessStore.JoinAsync(task.ConnectionString, task.Owner);
        await using ProcessStore other = await ProcessStore.JoinAsync(task.ConnectionString, Guid.NewGuid());
        await using Heartbeats ofOwner = await Heartbeats.StartAsync(owner, HeartbeatPeriod);
        await using Heartbeats ofOther = await Heartbeats.StartAsync(other, HeartbeatPeriod);
        List<Guid> sagas = await PerSagaReader.ListAsync(owner.Source, task.Owner);
        (Membership giver, Membership taker, AdoptGeneration generation) = (owner.Member, other.Member, AdoptGeneration.Initial);
        await RepeatAsync(task, meter, owner.Log, sagas, giver.Of(generation), ReassignAsync);

        async Task<Ownership> ReassignAsync()
        {
            ReassignOutcome outcome = await other.Cluster.ReassignAsync(
                new Reassignment(giver.Coordinator, [taker.Coordinator]) { EvenIfOwnerAnswers = true },
                new OperatorNote("benchmark", "taken from a writer"),
                CancellationToken.None);
            if (outcome is not ReassignOutcome.Done { Left: 0 } done || done.Moved != sagas.Count)
            {
                throw new InvalidOperationException($"Not all of {sagas.Count} sagas were reassigned: {outcome}.");
            }

            (giver, taker, generation) = (taker, giver, generation.Next);
            return giver.Of(generation);
        }
    }
}
