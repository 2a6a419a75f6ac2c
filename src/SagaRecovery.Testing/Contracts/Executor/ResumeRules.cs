using System.Text;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class ResumeRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "Sagas that are handed over are resumed, and come to their end",
            "unfinished sagas would count as recovered, and nobody would run them",
            ResumesAsync),
        new(
            "A saga that is running is not run a second time",
            "its steps would be taken twice, side by side",
            AlreadyRunningAsync),
        new(
            "Of many hand-overs of one saga at once, one is taken",
            "its steps would be taken twice, side by side",
            AtOnceAsync),
        new(
            "A run writes with the ownership that it was handed",
            "its writes would be refused although the saga is its own, or taken although it is not",
            OwnershipAsync),
        new(
            "A saga whose definition is not here is left alone, and may be offered again",
            "during a rolling update, sagas of the newer version would be thrown away or held for running by the older one",
            UnknownDefinitionAsync),
    ];

    private static async Task ResumesAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Steps.Open();
        List<SagaId> sagas = [];
        for (int i = 0; i < 20; i++)
        {
            sagas.Add(await trial.InsertAsync(member).ConfigureAwait(false));
            await trial.ExpectResumedAsync(member, sagas[i]).ConfigureAwait(false);
        }

        foreach (SagaId saga in sagas)
        {
            await trial.EndedAsync(saga).ConfigureAwait(false);
            Expect.Equal(trial.Store.Get(saga).State, SagaState.Succeeded, "the state of a saga both of whose steps went well");
        }

        Expect.Equal(trial.Steps.Count, 2 * sagas.Count, "steps begun by 20 sagas of two steps");
    }

    private static async Task AlreadyRunningAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);

        for (int i = 0; i < 3; i++)
        {
            Expect.Equal<ResumeOutcome>(
                await trial.ResumeAsync(member, saga).ConfigureAwait(false),
                ResumeOutcome.AlreadyRunning.Instance,
                "the answer to handing over a saga that runs");
        }

        first.LetGo();
        HeldStep second = await trial.NextStepAsync("the saga goes on to its second step").ConfigureAwait(false);
        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, saga).ConfigureAwait(false), ResumeOutcome.AlreadyRunning.Instance, "the answer in its second step");
        second.LetGo();
        await trial.EndedAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 2, "steps begun by a saga of two steps that was handed over again while it ran");
    }

    private static async Task AtOnceAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        const int Sagas = 25;
        for (int round = 0; round < Sagas; round++)
        {
            SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
            ResumeOutcome[] answers = await Crowd.RunAsync(16, _ => trial.ResumeAsync(member, saga)).ConfigureAwait(false);
            Expect.Equal(answers.Count(answer => answer is ResumeOutcome.Resumed), 1, "hand-overs of sixteen that were answered 'Resumed'");
            Expect.Equal(answers.Count(answer => answer is ResumeOutcome.AlreadyRunning), 15, "hand-overs of sixteen that were answered 'AlreadyRunning'");
            await trial.NextStepAsync("the saga begins its first step").ConfigureAwait(false); // and stays in it
        }

        Expect.Equal(trial.Steps.Count, Sagas, "first steps begun by 25 sagas, each handed over sixteen times");
    }

    private static async Task OwnershipAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Steps.Open();
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        AdoptGeneration generation = trial.LeaveAndComeBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);

        Task written = trial.Log.SeenAsync(write => write.Entry.SagaId == saga && (!write.Taken || WatchedLog.IsLast(write.Entry)));
        await trial.Soon(written, "the run writes through ISagaLog").ConfigureAwait(false);
        foreach (WatchedWrite write in trial.Log.WritesAbout(saga))
        {
            Expect.Equal(write.Member.Of(write.Entry.Generation), member.Of(generation), "what a write carries");
        }
    }

    private static async Task UnknownDefinitionAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        byte[] dag = Encoding.UTF8.GetBytes("""{"of":"a version that is yet to come"}""");
        var row = new NewSaga(StoreTrial.NewId(), new SavedDefinition(DefinitionHash.Of(dag), "contract-not-here", 7, dag), "{}"u8.ToArray());
        await trial.Store.CreateAsync(member, row, CancellationToken.None).ConfigureAwait(false);

        for (int i = 0; i < 2; i++)
        {
            ResumeOutcome answer = await trial.ResumeAsync(member, row.Id).ConfigureAwait(false);
            Expect.That(
                answer is ResumeOutcome.UnknownDefinition { Missing.Length: > 0 },
                "'UnknownDefinition', and what is missing, each time the saga is offered",
                $"the answer was {answer}");
        }

        await trial.ExpectNotRunningAsync(row.Id, AdoptGeneration.Initial, "the answer when it is taken away").ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal((trial.Log.WritesAbout(row.Id).Count, trial.Store.Get(row.Id).State), (0, SagaState.Running), "writes about it, and its state");
    }
}
