using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class GenerationRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "A newer generation replaces an older run, whose later work has no effect",
            "a saga that was reassigned and came back would never resume, or two of its runs would act concurrently",
            ReplacesAsync),
        new(
            "An older generation never replaces a newer run",
            "a delayed resume would replace the run that owns the saga with one that cannot write",
            NeverBackwardsAsync),
        new(
            "Concurrent resumes of a newer generation start exactly one run",
            "two runs would execute its steps concurrently",
            ReplacesOnceAsync),
    ];

    private static async Task ReplacesAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep old) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        AdoptGeneration newer = trial.ReassignAwayAndBack(saga);

        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, saga).ConfigureAwait(false), ResumeOutcome.Resumed.Instance, "the outcome of resuming a newer generation");
        old.Release();
        HeldStep first = await trial.NextStepAsync("the newer run starts").ConfigureAwait(false);
        first.Release();
        (await trial.NextStepAsync("the newer run continues with the second step").ConfigureAwait(false)).Release();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);

        Expect.Equal(trial.Steps.Count, 3, "steps started: one by the older run, two by the newer run");
        Expect.Equal(trial.Store.Get(saga).State, SagaState.Succeeded, "the final state of the saga");
        WatchedWrite last = trial.Log.WritesAbout(saga).Last(write => write.Accepted);
        Expect.Equal(last.Entry.Generation, newer, "the generation that ended the saga");
    }

    private static async Task NeverBackwardsAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        SavedSaga older = trial.Store.Get(saga).ToSavedSaga();
        trial.ReassignAwayAndBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        HeldStep first = await trial.NextStepAsync("the newer run starts").ConfigureAwait(false);

        Expect.Equal<ResumeOutcome>(
            await trial.ResumeAsync(member, older).ConfigureAwait(false),
            ResumeOutcome.AlreadyRunning.Instance,
            "the outcome of resuming an older generation");

        first.Release();
        (await trial.NextStepAsync("the newer run continues with the second step").ConfigureAwait(false)).Release();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 2, "steps started, all by the newer run");
    }

    private static async Task ReplacesOnceAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep old) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        SavedSaga older = trial.Store.Get(saga).ToSavedSaga();
        trial.ReassignAwayAndBack(saga);

        ResumeOutcome[] outcomes = await Crowd.RunAsync(
            16, caller => caller % 4 == 0 ? trial.ResumeAsync(member, older) : trial.ResumeAsync(member, saga)).ConfigureAwait(false);

        Expect.Equal(outcomes.Count(outcome => outcome is ResumeOutcome.Resumed), 1,
            "outcomes 'Resumed' of concurrent resumes of an older and a newer generation");
        Expect.That(Array.TrueForAll(outcomes, outcome => outcome is ResumeOutcome.Resumed or ResumeOutcome.AlreadyRunning),
            "the other outcomes are 'AlreadyRunning'", string.Join(", ", outcomes.Select(outcome => outcome.GetType().Name).Distinct()));
        old.Release();
        await trial.NextStepAsync("the newer run starts").ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial, "relinquishing the older run, which was replaced").ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.That(
            trial.Steps.Count is 2 or 3,
            "steps started: one by the older run, one by the newer run, and at most one more while the host stops",
            $"{trial.Steps.Count} steps started");
    }
}
