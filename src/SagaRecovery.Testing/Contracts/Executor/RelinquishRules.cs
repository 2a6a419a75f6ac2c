using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;

namespace SagaRecovery.Testing.Contracts;

internal static class RelinquishRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "Relinquishing a saga that is not running returns 'NotRunning'",
            "recovery would report every finished saga as relinquished",
            NotRunningAsync),
        new(
            "Relinquishing a run whose final write is in flight returns 'NotRunning'",
            "recovery would report a saga as relinquished if it ends during a pass",
            FinalWriteAsync),
        new(
            "A relinquished run starts no new work",
            "the saga would continue here while another process runs it",
            StartsNothingAsync),
        new(
            "A relinquished saga can be resumed again",
            "a saga that was reassigned and came back would never resume",
            ResumesAgainAsync),
        new(
            "Relinquishing up to an older generation does not stop a newer run",
            "a delayed relinquish would stop a saga after it came back, and no process would run it",
            KeepsNewerAsync),
    ];

    private static async Task NotRunningAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(StoreTrial.NewId(), AdoptGeneration.Initial, "relinquishing an unknown saga").ConfigureAwait(false);
        SagaId unstarted = await trial.InsertAsync(member).ConfigureAwait(false);
        await trial.ExpectNotRunningAsync(unstarted, AdoptGeneration.Initial, "relinquishing a saga that was never resumed").ConfigureAwait(false);

        (SagaId saga, _) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        Expect.Equal(await trial.RelinquishAsync(saga, AdoptGeneration.Initial).ConfigureAwait(false), RelinquishOutcome.Relinquished,
            "relinquishing a running saga");
        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial, "relinquishing a saga for the second time").ConfigureAwait(false);
    }

    private static async Task FinalWriteAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        trial.Log.HoldsFinalResults = true;
        trial.Steps.ReleaseAll();
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);

        await trial.ExpectNotRunningAsync(saga, AdoptGeneration.Initial,
            "relinquishing a saga whose final write was accepted but has not returned").ConfigureAwait(false);
    }

    private static async Task StartsNothingAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        (SagaId other, HeldStep othersFirst) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);

        Expect.Equal(
            await trial.RelinquishAsync(saga, AdoptGeneration.Initial.Next).ConfigureAwait(false),
            RelinquishOutcome.Relinquished,
            "relinquishing a run of an older generation");
        first.Release();
        othersFirst.Release();
        HeldStep next = await trial.NextStepAsync("the other saga continues").ConfigureAwait(false);
        Expect.Equal(next.SagaId, other, "the saga that continues");

        next.Release();
        await trial.WaitForEndAsync(other).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 3, "steps started: one by the relinquished run, two by the other saga");
    }

    private static async Task ResumesAgainAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        await trial.RelinquishAsync(saga, AdoptGeneration.Initial).ConfigureAwait(false);
        AdoptGeneration newer = trial.ReassignAwayAndBack(saga);

        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        first.Release();
        trial.Steps.ReleaseAll();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, 3, "steps started: one by the relinquished run, two by the run after it");
        Expect.Equal(trial.Log.WritesAbout(saga).Last(write => write.Accepted).Entry.Generation, newer, "the generation that ended the saga");
    }

    private static async Task KeepsNewerAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        AdoptGeneration newer = trial.ReassignAwayAndBack(saga);
        await trial.ExpectResumedAsync(member, saga).ConfigureAwait(false);
        HeldStep first = await trial.NextStepAsync("the run starts").ConfigureAwait(false);

        await trial.ExpectNotRunningAsync(saga, new AdoptGeneration(newer.Value - 1), "relinquishing up to an older generation").ConfigureAwait(false);

        first.Release();
        (await trial.NextStepAsync("the run continues with its second step").ConfigureAwait(false)).Release();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
    }
}
