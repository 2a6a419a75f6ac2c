using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress;

/// <summary>The reconciliation finds violations: logs as processes write them, with lines that must never occur.</summary>
public sealed class LoggedRunsTests
{
    private const string Saga = "0197a3c4-8b1e-7c3a-9f00-2b6d3f1f7a11";

    private int _clock;

    [Fact]
    public void A_saga_that_the_next_process_continues_was_not_run_twice()
    {
        ProcessLog first = Process(1, Started());
        ProcessLog second = Process(2, Resumed(), Succeeded());

        LoggedRuns.Twice([first, second]).Should().BeEmpty();
        LoggedRuns.Late([first, second]).Should().BeEmpty();
    }

    [Fact]
    public void A_saga_that_a_process_begins_while_it_runs_it_was_run_twice() =>
        LoggedRuns.Twice([Process(1, Started(), Resumed())]).Should().ContainSingle().Which.Should().Contain("begun twice by incarnation 1");

    [Fact]
    public void A_saga_whose_run_was_interrupted_may_begin_again() =>
        LoggedRuns.Twice([Process(1, Started(), RunInterrupted(), Resumed(), Succeeded())]).Should().BeEmpty();

    [Fact]
    public void A_saga_that_is_begun_after_its_end_was_run_twice() =>
        LoggedRuns.Twice([Process(1, Started(), Succeeded()), Process(2, Resumed())])
            .Should().ContainSingle().Which.Should().Contain("begun by incarnation 2 after 1 had ended it");

    [Fact]
    public void A_saga_that_a_zombie_ends_after_its_successor_took_it_was_run_twice_in_any_order_of_the_lines()
    {
        string begun = Started();
        ProcessLog newer = Process(2, Resumed(), Succeeded());
        ProcessLog zombie = Process(1, begun, Succeeded());

        LoggedRuns.Twice([newer, zombie]).Should().HaveCount(2);
    }

    [Fact]
    public void A_saga_that_changes_owners_may_begin_anywhere_and_ends_once()
    {
        ProcessLog one = Process(1, Started(), Resumed());
        ProcessLog two = Process(1, Resumed(), Succeeded());

        LoggedRuns.EndedTwice([one, two]).Should().BeEmpty();
        LoggedRuns.EndedTwice([one, two, Process(1, Resumed(), Succeeded())]).Should().ContainSingle().Which.Should().Contain("ended 2 times");
    }

    [Fact]
    public void A_saga_that_a_zombie_begins_after_its_successor_began_it_was_begun_late()
    {
        ProcessLog newer = Process(2, Resumed());
        ProcessLog zombie = Process(1, Started());

        LoggedRuns.Late([zombie, newer]).Should().ContainSingle().Which.Should().Contain("begun by incarnation 1 after 2 had begun it");
    }

    [Fact]
    public void Lines_that_are_not_recoverys_or_the_executors_are_not_taken_for_theirs()
    {
        ProcessLog log = ProcessLog.Read(
        [
            "2026-11-24T17:00:00.0000000+00:00 INF { Id: 8, Name: \"Eight\" } Someone.Else: recovered saga: " + Saga,
            "2026-11-24T17:00:00.0000000+00:00 WRN  Someone.Else: beware",
            "   at Some.Frame.Of(A trace)",
        ]);

        log.Count(LogEventId.Recovered).Should().Be(0);
        log.Lines.Should().HaveCount(2);
        log.Lines.Count(line => line.IsWarning).Should().Be(1);
    }

    private static ProcessLog Process(int incarnation, params string[] lines) => ProcessLog.Read(
    [
        "2026-11-24T17:00:00.0000000+00:00 INF { Id: 1, Name: \"Joined\" } SagaRecovery.Coordinators.SagaCoordinator: "
            + $"joined as coordinator 6b0e2c5e-52a3-4c0e-9f0f-6c1f0d6f2f55, incarnation {incarnation}",
        .. lines,
    ]);

    private string Started() => Line(100, $"started saga {Saga} (good)");

    private string Resumed() => Line(101, $"resumed saga {Saga} (good) at generation 1; events in its log: 2");

    private string Succeeded() => Line(102, $"saga {Saga} (good) succeeded");

    private string RunInterrupted() => Line(107, $"the run of saga {Saga} (good) failed and was interrupted; recovery resumes the saga");

    /// <summary>Each one second after the previous one.</summary>
    private string Line(int id, string message) =>
        $"2026-11-24T17:00:{_clock++:D2}.0000000+00:00 INF {{ Id: {id}, Name: \"Any\" }} SagaRecovery.Executor.DurableExecutor: {message}";
}
