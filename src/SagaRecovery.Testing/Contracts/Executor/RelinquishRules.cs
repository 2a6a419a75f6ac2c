using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Testing.Contracts;

internal static class RelinquishRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "Relinquishing what is not running answers 'NotRunning'",
            "every finished saga would be reported as taken away",
            NotRunningAsync),
        new(
            "A run whose last write is under way is at its end: relinquishing it answers 'NotRunning'",
            "a saga that finishes just when a pass looks would be reported as taken away",
            AtItsEndAsync),
        new(
            "A relinquished run begins no new work",
            "a saga that another process runs by now would go on here",
            BeginsNothingAsync),
        new(
            "A saga that was relinquished can be handed over anew",
            "a saga that left and came back would never be carried on",
            AnewAsync),
        new(
            "Relinquishing up to an older generation leaves a newer run alone",
            "word that the saga had left would stop it after it came back, and nobody would run it",
            LeavesNewerAsync),
    ];

    private static async Task NotRunningAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(StoreTrial.NewId(), AdoptGeneration.Initial, "a saga of which nothing is known").ConfigureAwait(false);
        SagaId notTakenOn = await trial.InsertAsync(member).ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(notTakenOn, AdoptGeneration.Initial, "a saga that was never handed over").ConfigureAwait(false);

        (SagaId saga, _) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        Expect.Equal(await trial.RelinquishAsync(saga, AdoptGeneration.Initial).ConfigureAwait(false), RelinquishOutcome.Relinquished, "a saga that runs");
        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial, "a saga that was taken away before").ConfigureAwait(false);
    }

    private static async Task AtItsEndAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Log.HoldsLastAnswers = true;
        trial.Steps.Open();
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        await trial.EndedAsync(saga).ConfigureAwait(false);

        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial, "a saga whose last write has been taken and not yet been answered").ConfigureAwait(false);
    }

    private static async Task BeginsNothingAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        (SagaId other, HeldStep othersFirst) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);

        Expect.Equal(
            await trial.RelinquishAsync(saga, AdoptGeneration.Initial.Next).ConfigureAwait(false),
            RelinquishOutcome.Relinquished,
            "taking away a run of an older generation");
        first.LetGo();
        othersFirst.LetGo();
        HeldStep next = await trial.NextStepAsync("the other saga goes on").ConfigureAwait(false);
        Expect.Equal(next.SagaId, other, "the saga that goes on");

        next.LetGo();
        await trial.EndedAsync(other).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 3, "steps begun: one by the relinquished run, two by the other saga");
    }

    private static async Task AnewAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        await trial.RelinquishAsync(saga, AdoptGeneration.Initial).ConfigureAwait(false);
        AdoptGeneration newer = trial.LeaveAndComeBack(saga);

        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        first.LetGo();
        trial.Steps.Open();
        await trial.EndedAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 3, "steps begun: one by the relinquished run, two by the run after it");
        Expect.Equal(trial.Log.WritesAbout(saga).Last(write => write.Taken).Entry.Generation, newer, "the generation that ended the saga");
    }

    private static async Task LeavesNewerAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        AdoptGeneration newer = trial.LeaveAndComeBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        HeldStep first = await trial.NextStepAsync("the run begins").ConfigureAwait(false);

        await trial.ExpectNotRunningAsync(saga, new AdoptGeneration(newer.Value - 1), "taking away up to an older generation").ConfigureAwait(false);

        first.LetGo();
        (await trial.NextStepAsync("the run goes on to its second step").ConfigureAwait(false)).LetGo();
        await trial.EndedAsync(saga).ConfigureAwait(false);
    }
}
