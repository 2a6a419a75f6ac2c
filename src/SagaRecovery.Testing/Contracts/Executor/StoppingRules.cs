using System.Diagnostics.CodeAnalysis;
using SagaRecovery.Execution;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Testing.Contracts;

internal static class StoppingRules
{
    public static IReadOnlyList<Rule<ExecutorTrial>> All { get; } =
    [
        new(
            "A run whose write is refused stops and does not retry",
            "the saga would continue here while another process runs it, or its writes would load the store indefinitely",
            RefusedAsync),
        new(
            "When the process is fenced, all runs stop and no new run starts",
            "a process that resumes after a pause would continue sagas that its successor runs",
            FencedAsync),
        new(
            "A run that stops before its saga ends is reported as interrupted, and a later pass recovers the saga",
            "recovery would treat the saga as running, and no process would run it until a restart",
            InterruptedAsync) { IsOptional = true },
    ];

    private static async Task RefusedAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        (SagaId other, HeldStep othersFirst) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        trial.Store.Reassign(saga, StoreTrial.NewCoordinator());

        first.Release();
        await trial.WithinTimeoutAsync(
            trial.Log.WaitForAsync(write => write.Entry.SagaId == saga && !write.Accepted),
            "the run writes the result of its step and is refused").ConfigureAwait(false);
        othersFirst.Release();
        (await trial.NextStepAsync("another saga continues with its second step").ConfigureAwait(false)).Release();
        await trial.WaitForEndAsync(other).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);

        Expect.Equal(trial.Log.WritesAbout(saga).Count(write => !write.Accepted), 1, "refused writes");
        Expect.Equal(trial.Steps.Count, 3, "steps started: one by the refused run, two by the other");
    }

    private static async Task FencedAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        List<SagaId> sagas = [];
        List<HeldStep> steps = [];
        for (int i = 0; i < 5; i++)
        {
            (SagaId saga, HeldStep step) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
            sagas.Add(saga);
            steps.Add(step);
        }

        SagaId unstarted = await trial.InsertAsync(member).ConfigureAwait(false);
        int before = sagas.Sum(saga => trial.Store.Get(saga).Events.Count);

        // Only the process is fenced, not the store: the store would accept a write of a run that did not stop, and the count below would show it.
        trial.Coordinator.ReportFenced(new CoordinatorFencedException(member, new Incarnation(member.Incarnation.Value + 1)));

        await ExpectRejectedAsync(trial, member, unstarted).ConfigureAwait(false);
        await ExpectRejectedAsync(trial, member, sagas[0]).ConfigureAwait(false);
        steps.ForEach(step => step.Release());
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, sagas.Count, "steps started: the first of each saga");
        Expect.Equal(sagas.Sum(saga => trial.Store.Get(saga).Events.Count), before, "events in the logs after the runs have stopped");
    }

    [SuppressMessage("Design", "CA1031", Justification = "The contract requires an exception but not its type.")]
    private static async Task ExpectRejectedAsync(ExecutorTrial trial, Membership member, SagaId saga)
    {
        ResumeOutcome outcome;
        try
        {
            outcome = await trial.ResumeAsync(member, saga).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not BrokenRuleException)
        {
            return;
        }

        throw new BrokenRuleException("ResumeAsync throws in a fenced process", $"it returned {outcome}");
    }

    private static async Task InterruptedAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        PassReport first = await trial.PassAsync().ConfigureAwait(false);
        Expect.Equal(first.Recovered, 1, "sagas recovered by a pass that lists one");
        HeldStep step = await trial.NextStepAsync("the saga starts its first step").ConfigureAwait(false);
        trial.BreakRun(saga);
        step.Release();

        Task<HeldStep> again = trial.Steps.WaitForNextAsync();
        using var cancellation = new CancellationTokenSource();
        try
        {
            await trial.WithinTimeoutAsync(
                PassUntilRecoveredAsync(trial, cancellation.Token), "a pass after the run has stopped recovers its saga").ConfigureAwait(false);
        }
        finally
        {
            await cancellation.CancelAsync().ConfigureAwait(false);
        }

        HeldStep resumed = await trial.WithinTimeoutAsync(again, "the saga runs again").ConfigureAwait(false);
        Expect.Equal(resumed.SagaId, saga, "the saga that runs again");
        resumed.Release();
        trial.Steps.ReleaseAll();
        await trial.WaitForEndAsync(saga).ConfigureAwait(false);
    }

    /// <summary>Makes passes until one recovers a saga. No other signal reports that the run has stopped.</summary>
    private static async Task PassUntilRecoveredAsync(ExecutorTrial trial, CancellationToken cancellationToken)
    {
        while (!cancellationToken.IsCancellationRequested && (await trial.PassAsync().ConfigureAwait(false)).Recovered == 0)
        {
            await Task.Yield();
        }
    }
}
