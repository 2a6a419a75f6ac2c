using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class GenerationRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "A newer generation replaces an older run, which does nothing more that counts",
            "a saga that left and came back would never be carried on; or two runs of it would act side by side",
            ReplacesAsync),
        new(
            "An older generation never replaces a newer run",
            "a hand-over that was slow would stop the run that owns the saga, in favour of one that cannot write",
            NeverBackwardsAsync),
        new(
            "A newer generation that was handed over many times at once is run once",
            "its steps would be taken twice, side by side",
            ReplacesOnceAsync),
    ];

    private static async Task ReplacesAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep old) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        AdoptGeneration newer = trial.LeaveAndComeBack(saga);

        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, saga).ConfigureAwait(false), ResumeOutcome.Resumed.Instance, "the answer to handing over a newer generation");
        old.LetGo();
        HeldStep first = await trial.NextStepAsync("the newer run begins").ConfigureAwait(false);
        first.LetGo();
        (await trial.NextStepAsync("the newer run goes on to the second step").ConfigureAwait(false)).LetGo();
        await trial.EndedAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);

        Expect.Equal(trial.Steps.Count, 3, "steps begun: one by the older run, two by the newer");
        Expect.Equal(trial.Store.Get(saga).State, SagaState.Succeeded, "the state of the saga at its end");
        WatchedWrite last = trial.Log.WritesAbout(saga).Last(write => write.Taken);
        Expect.Equal(last.Entry.Generation, newer, "the generation that ended the saga");
    }

    private static async Task NeverBackwardsAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        SavedSaga older = trial.Store.Get(saga).ToSavedSaga();
        trial.LeaveAndComeBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        HeldStep first = await trial.NextStepAsync("the newer run begins").ConfigureAwait(false);

        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, older).ConfigureAwait(false),
            ResumeOutcome.AlreadyRunning.Instance,
            "the answer to handing over an older generation");

        first.LetGo();
        (await trial.NextStepAsync("the newer run goes on to the second step").ConfigureAwait(false)).LetGo();
        await trial.EndedAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 2, "steps begun, all by the newer run");
    }

    private static async Task ReplacesOnceAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep old) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        SavedSaga older = trial.Store.Get(saga).ToSavedSaga();
        trial.LeaveAndComeBack(saga);

        ResumeOutcome[] answers = await Crowd.RunAsync(
            16, caller => caller % 4 == 0 ? trial.ResumeAsync(member, older) : trial.ResumeAsync(member, saga)).ConfigureAwait(false);

        Expect.Equal(answers.Count(answer => answer is ResumeOutcome.Resumed), 1, "hand-overs, of an older and a newer generation, answered 'Resumed'");
        Expect.That(Array.TrueForAll(answers, answer => answer is ResumeOutcome.Resumed or ResumeOutcome.AlreadyRunning),
            "'AlreadyRunning' to the others", string.Join(", ", answers.Select(answer => answer.GetType().Name).Distinct()));
        old.LetGo();
        await trial.NextStepAsync("the newer run begins").ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial, "taking away the older run, which is none any more").ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.That(
            trial.Steps.Count is 2 or 3,
            "steps begun: one by the older run, one by the newer, and perhaps the next as the host stops",
            $"there were {trial.Steps.Count}");
    }
}
