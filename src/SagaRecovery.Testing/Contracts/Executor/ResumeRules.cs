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
            "Resumed sagas run to completion",
            "unfinished sagas would count as recovered, but no process would run them",
            ResumesAsync),
        new(
            "A running saga is not run a second time",
            "two runs would execute its steps concurrently",
            AlreadyRunningAsync),
        new(
            "Of concurrent resumes of one saga, exactly one starts a run",
            "two runs would execute its steps concurrently",
            AtOnceAsync),
        new(
            "A run writes with the ownership that it was resumed with",
            "the store would refuse its writes although it owns the saga, or accept them although it does not",
            OwnershipAsync),
        new(
            "A saga with an unknown definition stays unchanged and can be offered again",
            "during a rolling update, the older version would discard sagas of the newer version or treat them as running",
            UnknownDefinitionAsync),
    ];

    private static async Task ResumesAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Steps.ReleaseAll();
        List<SagaId> sagas = [];
        for (int i = 0; i < 20; i++)
        {
            sagas.Add(await trial.InsertAsync(member).ConfigureAwait(false));
            await trial.ExpectResumedAsync(member, sagas[i]).ConfigureAwait(false);
        }

        foreach (SagaId saga in sagas)
        {
            await trial.WaitForEndAsync(saga).ConfigureAwait(false);
            Expect.Equal(trial.Store.Get(saga).State, SagaState.Succeeded, "the state of a saga whose steps both succeeded");
        }

        Expect.Equal(trial.Steps.Count, 2 * sagas.Count, "steps started by 20 sagas with two steps");
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
                "the outcome of resuming a running saga");
        }

        first.Release();
        HeldStep second = await trial.NextStepAsync("the saga continues with its second step").ConfigureAwait(false);
        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, saga).ConfigureAwait(false), ResumeOutcome.AlreadyRunning.Instance,
            "the outcome of resuming a saga in its second step");
        second.Release();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 2, "steps started by a saga with two steps that was resumed again while it ran");
    }

    private static async Task AtOnceAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        const int Sagas = 25;
        for (int round = 0; round < Sagas; round++)
        {
            SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
            ResumeOutcome[] outcomes = await Crowd.RunAsync(16, _ => trial.ResumeAsync(member, saga)).ConfigureAwait(false);
            Expect.Equal(outcomes.Count(outcome => outcome is ResumeOutcome.Resumed), 1, "outcomes 'Resumed' of sixteen concurrent resumes");
            Expect.Equal(outcomes.Count(outcome => outcome is ResumeOutcome.AlreadyRunning), 15, "outcomes 'AlreadyRunning' of sixteen concurrent resumes");
            await trial.NextStepAsync("the saga starts its first step").ConfigureAwait(false); // and stays in it, because nothing releases the step
        }

        Expect.Equal(trial.Steps.Count, Sagas, "first steps started by 25 sagas, each resumed sixteen times");
    }

    private static async Task OwnershipAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Steps.ReleaseAll();
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        AdoptGeneration generation = trial.ReassignAwayAndBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);

        Task written = trial.Log.WaitForAsync(write => write.Entry.SagaId == saga && (!write.Accepted || WatchedLog.EndsSaga(write.Entry)));
        await trial.WithinTimeoutAsync(written, "the run writes through ISagaLog").ConfigureAwait(false);
        foreach (WatchedWrite write in trial.Log.WritesAbout(saga))
        {
            Expect.Equal(write.Member.Of(write.Entry.Generation), member.Of(generation), "the ownership of a write");
        }
    }

    private static async Task UnknownDefinitionAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        byte[] dag = Encoding.UTF8.GetBytes("""{"of":"a future version"}""");
        var row = new NewSaga(StoreTrial.NewId(), new SavedDefinition(DefinitionHash.Of(dag), "contract-unknown", 7, dag), "{}"u8.ToArray());
        await trial.Store.CreateAsync(member, row, CancellationToken.None).ConfigureAwait(false);

        for (int i = 0; i < 2; i++)
        {
            ResumeOutcome outcome = await trial.ResumeAsync(member, row.Id).ConfigureAwait(false);
            Expect.That(
                outcome is ResumeOutcome.UnknownDefinition { Missing.Length: > 0 },
                "'UnknownDefinition' with the missing definition, each time the saga is offered",
                $"the outcome was {outcome}");
        }

        await trial.ExpectNotRunningAsync(row.Id, AdoptGeneration.Initial, "relinquishing it").ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal((trial.Log.WritesAbout(row.Id).Count, trial.Store.Get(row.Id).State), (0, SagaState.Running), "its writes and its state");
    }
}
