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
            "A run whose write is refused stops, and does not try again",
            "a saga that another process runs by now would go on here, or keep the log busy for ever",
            RefusedAsync),
        new(
            "When the process is fenced, all runs stop and none is taken on",
            "a paused process that wakes up would go on with sagas that its successor runs",
            FencedAsync),
        new(
            "A run that stops before its saga has ended is given up, and recovered by the next pass",
            "recovery would take the saga for running, and nobody would run it until the process is restarted",
            InterruptedAsync) { IsOptional = true },
    ];

    private static async Task RefusedAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        (SagaId saga, HeldStep first) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        (SagaId other, HeldStep othersFirst) = await trial.RunToFirstStepAsync(member).ConfigureAwait(false);
        trial.Store.Reassign(saga, StoreTrial.NewCoordinator());

        first.LetGo();
        await trial.Soon(
            trial.Log.SeenAsync(write => write.Entry.SagaId == saga && !write.Taken),
            "the run writes what came of its step, and is refused").ConfigureAwait(false);
        othersFirst.LetGo();
        (await trial.NextStepAsync("another saga goes on to its second step").ConfigureAwait(false)).LetGo();
        await trial.EndedAsync(other).ConfigureAwait(false);
        await trial.StopAsync().ConfigureAwait(false);

        Expect.Equal(trial.Log.WritesAbout(saga).Count(write => !write.Taken), 1, "writes that were refused");
        Expect.Equal(trial.Steps.Count, 3, "steps begun: one by the run that was refused, two by another");
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

        SagaId notTakenOn = await trial.InsertAsync(member).ConfigureAwait(false);
        int before = sagas.Sum(saga => trial.Store.Get(saga).Events.Count);

        // Only the process hears of it, not the store: what the runs still write would be taken, and be seen here.
        trial.Coordinator.ReportFenced(new CoordinatorFencedException(member, new Incarnation(member.Incarnation.Value + 1)));

        await ExpectNotTakenOnAsync(trial, member, notTakenOn).ConfigureAwait(false);
        await ExpectNotTakenOnAsync(trial, member, sagas[0]).ConfigureAwait(false);
        steps.ForEach(step => step.LetGo());
        await trial.StopAsync().ConfigureAwait(false);
        Expect.Equal(trial.Steps.Count, sagas.Count, "steps begun: the first of each saga");
        Expect.Equal(sagas.Sum(saga => trial.Store.Get(saga).Events.Count), before, "events in the logs, when the runs have stopped");
    }

    [SuppressMessage("Design", "CA1031", Justification = "Any exception will do.")]
    private static async Task ExpectNotTakenOnAsync(ExecutorTrial trial, Membership member, SagaId saga)
    {
        ResumeOutcome answer;
        try
        {
            answer = await trial.ResumeAsync(member, saga).ConfigureAwait(false);
        }
        catch (Exception exception) when (exception is not BrokenRuleException)
        {
            return;
        }

        throw new BrokenRuleException("a hand-over to a fenced process is an exception", $"it was answered {answer}");
    }

    private static async Task InterruptedAsync(ExecutorTrial trial)
    {
        Membership member = await trial.StartAsync().ConfigureAwait(false);
        SagaId saga = await trial.InsertAsync(member).ConfigureAwait(false);
        PassReport first = await trial.PassAsync().ConfigureAwait(false);
        Expect.Equal(first.Recovered, 1, "sagas recovered by a pass that finds one");
        HeldStep step = await trial.NextStepAsync("the saga begins its first step").ConfigureAwait(false);
        trial.BreakRun(saga);
        step.LetGo();

        Task<HeldStep> again = trial.Steps.NextAsync();
        using var giveUp = new CancellationTokenSource();
        try
        {
            await trial.Soon(
                PassUntilRecoveredAsync(trial, giveUp.Token), "a pass that comes after the run has stopped recovers its saga").ConfigureAwait(false);
        }
        finally
        {
            await giveUp.CancelAsync().ConfigureAwait(false);
        }

        HeldStep resumed = await trial.Soon(again, "the saga is run anew").ConfigureAwait(false);
        Expect.Equal(resumed.SagaId, saga, "the saga that is carried on");
        resumed.LetGo();
        trial.Steps.Open();
        await trial.EndedAsync(saga).ConfigureAwait(false);
    }

    /// <summary>Nothing says when the run is over but the passes that go by until then.</summary>
    private static async Task PassUntilRecoveredAsync(ExecutorTrial trial, CancellationToken giveUp)
    {
        while (!giveUp.IsCancellationRequested && (await trial.PassAsync().ConfigureAwait(false)).Recovered == 0)
        {
            await Task.Yield();
        }
    }
}
