using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>A long, even working day, after the stepwise test of omicron's saga recovery.</summary>
public class TenPassesTests
{
    [Fact]
    public void Sagas_finish_and_start_between_the_listings_of_ten_passes_and_the_process_ends_as_it_began()
    {
        var process = new ScriptedProcess();
        for (int number = 1; number <= 10; number++)
        {
            process.Database.LeftBehind(Saga(number));
        }

        process.Pass(PassReason.Startup).Recovered.Should().Be(10);
        for (int round = 1; round <= 8; round++)
        {
            WorkThrough(process, round).Should().Match<PassReport>(pass =>
                pass.Recovered == 0 && pass.ObservedStarts == 3 && pass.Found == pass.Skipped && pass.Removed == ExpectedRemoved(round));
        }

        foreach (SagaId sagaId in process.Executor.Running.Keys.ToList())
        {
            process.Finish(sagaId);
        }

        process.Pass().Found.Should().Be(0);
        (process.Tracker.Tracked, process.Tracker.Waiting.Count, process.Inbox.Unread).Should().Be((0, 0, 0));
        process.Report.Totals.Should().Be(process.Truth).And.Be(new RecoveryTotals
        {
            Passes = 10,
            Recovered = 10,
            ObservedStarts = 24,
            InferredFinished = 34,
        });
    }

    /// <summary>One saga starts before the pass, one between the drains, one after the listing; one finishes before, one after it.</summary>
    private static PassReport WorkThrough(ScriptedProcess process, int round)
    {
        int first = 100 * round;
        process.Start(Saga(first));
        process.Finish(Saga(round));
        process.OpenPass();
        process.Start(Saga(first + 1));
        process.List();
        process.Start(Saga(first + 2));
        process.Finish(Saga(first));
        process.Plan();
        return process.Execute();
    }

    /// <summary>The sagas that finished after the previous listing and before this one.</summary>
    private static int ExpectedRemoved(int round) => round == 1 ? 1 : 2;
}
