using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The order in which sagas are resumed after a crash. "Eighth" is the factor of docs/decisions/0005-crash-loop-guard.md.</summary>
public sealed class CrashGuardTests
{
    private static readonly TimeSpan Probation = CrashGuardPolicy.Default.Probation;

    private readonly ScriptedProcess _process = new();

    [Fact]
    public void After_a_shutdown_everything_is_resumed_at_once()
    {
        LeftBehind(100);
        StartAfter(crashed: false);

        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 100 && pass.Deferred == 0);
        _process.Tracker.NextTurn.Should().BeNull();
    }

    [Fact]
    public void After_a_crash_with_nothing_in_flight_everything_is_resumed_at_once()
    {
        LeftBehind(100);
        StartAfter(crashed: true);

        _process.Pass().Recovered.Should().Be(100);
    }

    [Fact]
    public void Suspects_come_after_the_others_and_after_their_probation()
    {
        LeftBehind(10);
        StartAfter(crashed: true, Suspects(count: 4, groupSize: 4));

        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 6 && pass.Deferred == 4);
        _process.Tracker.NextTurn.Should().Be(_process.Now + Probation);
        _process.Pass(PassReason.Explicit).Should().Match<PassReport>(pass => pass.Recovered == 0 && pass.Deferred == 4, "the others may kill it");

        _process.Wait(Probation);
        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 3);
    }

    /// <summary>Such as one whose output cannot be stored.</summary>
    [Fact]
    public void A_saga_that_is_resumed_again_and_again_delays_no_suspect()
    {
        LeftBehind(9);
        StartAfter(crashed: true, Suspects(count: 8, groupSize: 8));
        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 8);
        SagaId broken = _process.Executor.Running.Keys.Single();

        for (int group = 1; group <= 8; group++)
        {
            _process.Wait(Probation / 2);
            _process.ReportInterrupted(broken);
            _process.Pass(PassReason.Explicit).Recovered.Should().Be(1, "it is tried again");
            _process.Wait(Probation / 2);
            _process.ReportInterrupted(broken);

            _process.Pass(PassReason.Explicit).Should().Match<PassReport>(pass => pass.Recovered == 2 && pass.Deferred == 8 - group);
        }
    }

    [Theory]
    [InlineData(2, 1)]
    [InlineData(8, 1)]
    [InlineData(9, 2)]
    [InlineData(64, 8)]
    [InlineData(1000, 125)]
    public void A_group_is_an_eighth_of_what_was_in_flight_together(int inFlight, int group)
    {
        LeftBehind(inFlight);
        StartAfter(crashed: true, Suspects(inFlight, groupSize: inFlight));

        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == group && pass.Deferred == inFlight - group);
    }

    [Fact]
    public void A_group_that_the_process_outlived_is_clear_and_the_next_one_is_resumed()
    {
        LeftBehind(16);
        StartAfter(crashed: true, Suspects(16, groupSize: 16));

        int passes = 0;
        while (_process.Tracker.NextTurn is not null || passes == 0)
        {
            _process.Pass(PassReason.Probation).Recovered.Should().Be(2);
            _process.Wait(Probation);
            passes++;
        }

        passes.Should().Be(8);
        _process.Tracker.Observe(Saga(1), _process.Now).IsSuspect.Should().BeFalse();
    }

    [Fact]
    public void The_most_suspicious_go_last_and_alone()
    {
        LeftBehind(4);
        StartAfter(crashed: true, new Suspect(Saga(1), 1, 2), new Suspect(Saga(2), 1, 1), new Suspect(Saga(3), 16, 0), new Suspect(Saga(4), 16, 0));

        List<SagaId[]> turns = [];
        for (int i = 0; i < 3; i++)
        {
            int before = _process.Executor.Reassigned.Count;
            _process.Pass();
            turns.Add([.. _process.Executor.Reassigned.Skip(before)]);
            _process.Wait(Probation);
        }

        turns.Should().BeEquivalentTo<SagaId[]>([[Saga(3), Saga(4)], [Saga(2)], [Saga(1)]], options => options.WithStrictOrdering());
    }

    [Fact]
    public void A_suspect_whose_resume_fails_delays_no_other()
    {
        LeftBehind(2);
        StartAfter(crashed: true, Suspects(2, groupSize: 2));
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));

        _process.Pass().Should().Match<PassReport>(pass => pass.Failed == 1 && pass.Deferred == 1);

        _process.Tracker.NextTurn.Should().BeBefore(_process.Now, "nothing is on probation");
        _process.Pass().Should().Match<PassReport>(pass => pass.Failed == 1 && pass.Deferred == 0 && pass.BackingOff == 1);
    }

    [Fact]
    public void Suspects_of_an_unknown_definition_delay_no_other()
    {
        LeftBehind(16);
        StartAfter(crashed: true, Suspects(16, groupSize: 16));
        _process.Executor.Answer = candidate => candidate.SagaId <= Saga(8) ? new ResumeResult.UnknownDefinition("definition provision v7") : null;

        for (int pass = 0; pass < 8; pass++)
        {
            _process.Pass(PassReason.Probation);
            _process.Wait(Probation);
        }

        _process.Executor.Running.Should().HaveCount(8);
        _process.Tracker.NextTurn.Should().BeNull();
    }

    [Fact]
    public void Suspects_from_another_node_are_resumed_like_those_of_the_previous_incarnation()
    {
        LeftBehind(2);
        _process.Pass().Recovered.Should().Be(2);
        LeftBehind(4, _process, from: 10);
        _process.Suspects.AddRange([new Suspect(Saga(11), 2, 0), new Suspect(Saga(12), 2, 0)]);

        _process.Pass(PassReason.Hint).Should().Match<PassReport>(pass => pass.Recovered == 2 && pass.Deferred == 2);
        _process.Tracker.Observe(Saga(11), _process.Now).IsSuspect.Should().BeTrue();
        _process.Wait(Probation);
        _process.Pass(PassReason.Probation).Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 1);
        _process.Wait(Probation);
        _process.Pass(PassReason.Probation).Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 0);
        _process.Wait(Probation);
        _process.Pass();

        _process.Tracker.Observe(Saga(11), _process.Now).IsSuspect.Should().BeFalse("the store clears it a little later, and the same suspicion counts once");
    }

    [Fact]
    public void With_the_guard_off_no_saga_is_suspected()
    {
        var process = new ScriptedProcess(crashGuard: CrashGuardPolicy.Default with { HoldAfterCrashes = 0 });
        LeftBehind(2, process);
        process.Suspects.Add(new Suspect(Saga(1), 1, 7));

        process.Pass().Recovered.Should().Be(2);
    }

    [Fact]
    public void A_held_suspect_is_not_waited_for()
    {
        LeftBehind(1);
        StartAfter(crashed: true, Suspects(1, groupSize: 1));
        _process.Held.Add(Saga(1));

        _process.Pass().Should().Match<PassReport>(pass => pass.Held == 1 && pass.Deferred == 0);
        _process.Tracker.NextTurn.Should().BeNull();
    }

    [Fact]
    public void Canaries_go_first_then_eight_times_as_many_each_time()
    {
        var process = new ScriptedProcess(crashGuard: CrashGuardPolicy.Default with { Canary = true });
        LeftBehind(100, process);
        process.Tracker.RecordPreviousProcess(Previous(crashed: true, process), []);

        List<int> recovered = [];
        do
        {
            process.Pass(PassReason.Explicit);
            process.Pass(PassReason.Explicit).Recovered.Should().Be(0, "asking again does not make it safer");
            recovered.Add(process.Report.RecentPasses[^2].Recovered);
            process.Wait(Probation);
        }
        while (process.Tracker.NextTurn is not null);

        recovered.Should().Equal(1, 8, 64, 27);
        LeftBehind(5, process, from: 200);
        process.Pass().Recovered.Should().Be(5, "the crash is dealt with");
    }

    [Fact]
    public void Without_a_crash_there_are_no_canaries()
    {
        var process = new ScriptedProcess(crashGuard: CrashGuardPolicy.Default with { Canary = true });
        LeftBehind(100, process);
        process.Tracker.RecordPreviousProcess(Previous(crashed: false, process), []);

        process.Pass().Recovered.Should().Be(100);
    }

    [Fact]
    public void While_recovery_is_paused_nothing_is_resumed_and_every_saga_is_accounted_for()
    {
        LeftBehind(3);
        _process.Pause = new RecoveryPause(_process.Now, new OperatorNote("ann", "migration"));

        _process.Pass(PassReason.Explicit).Should().Match<PassReport>(pass => pass.Paused == 3 && pass.Recovered == 0);
        _process.Tracker.IdleSince.Should().Be(_process.Now, "it waits for an operator");

        _process.Pause = null;
        _process.Pass().Recovered.Should().Be(3);
        _process.Tracker.IdleSince.Should().BeNull();
    }

    [Fact]
    public void A_pause_does_not_touch_what_runs()
    {
        _process.Start(Saga(1));
        _process.Pause = new RecoveryPause(_process.Now, new OperatorNote("ann", "migration"));

        _process.Pass().Should().Match<PassReport>(pass => pass.Skipped == 1 && pass.Paused == 0);
    }

    private static Suspect[] Suspects(int count, int groupSize) =>
        [.. Enumerable.Range(1, count).Select(number => new Suspect(Saga(number), groupSize, groupSize == 1 ? 1 : 0))];

    private static PreviousProcess Previous(bool crashed, ScriptedProcess process) => new(crashed, process.Now.AddSeconds(-3), 0);

    private void StartAfter(bool crashed, params Suspect[] suspects) => _process.Tracker.RecordPreviousProcess(Previous(crashed, _process), suspects);

    private void LeftBehind(int count, ScriptedProcess? process = null, int from = 1)
    {
        for (int number = from; number < from + count; number++)
        {
            (process ?? _process).Database.LeftBehind(Saga(number));
        }
    }
}
