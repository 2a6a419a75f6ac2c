using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>The order in which sagas are resumed after a crash if not all of them get a slot at once.</summary>
public sealed class CrashGuardSlotTests
{
    private static readonly TimeSpan Probation = CrashGuardPolicy.Default.Probation;

    private readonly ScriptedProcess _process = new() { MaxRunning = 2 };

    public CrashGuardSlotTests()
    {
        for (int number = 1; number <= 40; number++)
        {
            _process.Database.LeftBehind(Saga(number));
        }

        Suspect[] suspects = [.. Enumerable.Range(1, 8).Select(number => new Suspect(Saga(number), GroupSize: 8, DeathsAlone: 0))];
        _process.Tracker.RecordPreviousProcess(new PreviousProcess(Crashed: true, _process.Now.AddSeconds(-3), 0), suspects);
    }

    [Fact]
    public void Sagas_that_wait_for_a_slot_come_before_the_suspects()
    {
        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 2 && pass.WaitingForSlot == 30 && pass.Deferred == 8);

        _process.Wait(Probation / 2);
        FinishAll();
        _process.Refill().Recovered.Should().Be(2);

        _process.Tracker.NextTurn.Should().Be(_process.Now + Probation, "the refill has begun another probation");
    }

    [Fact]
    public void Suspects_get_their_turn_although_the_queue_of_the_others_never_ends()
    {
        _process.Pass();
        DateTimeOffset begun = _process.Now;
        int refills = 0;
        while (refills < 1_000 && RefillsOne())
        {
            _process.Database.LeftBehind(Saga(100 + refills++));
            _process.Pass(PassReason.Hint).Deferred.Should().Be(8);
            _process.Wait(Probation / 2);
        }

        (_process.Now - begun).Should().Be(12 * Probation);
        _process.Wait(Probation / 2);
        FinishAll();
        _process.Pass(PassReason.Probation).Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 7, "a suspect, alone");
        _process.Executor.Running.Keys.Single().Should().Be(Saga(1));
    }

    [Fact]
    public void While_suspects_are_on_probation_no_other_saga_gets_a_free_slot()
    {
        _process.Pass();
        FinishAll();
        _process.Wait(Probation);
        _process.Pass(PassReason.Probation).Recovered.Should().Be(1);

        _process.Refill().Taken.Should().Be(0);
        _process.Tracker.NextTurn.Should().Be(_process.Now + Probation);
    }

    [Fact]
    public void Once_all_suspects_have_passed_their_probation_the_others_continue()
    {
        _process.Pass();
        for (int group = 1; group <= 8; group++)
        {
            FinishAll();
            _process.Wait(Probation);
            _process.Pass(PassReason.Probation).Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.Deferred == 8 - group);
        }

        _process.Tracker.NextTurn.Should().NotBeNull("the others wait for the last suspect");
        FinishAll();
        _process.Wait(Probation);
        _process.Pass(PassReason.Probation).Should().Match<PassReport>(pass => pass.Recovered == 2 && pass.WaitingForSlot == 28);
        _process.Tracker.NextTurn.Should().BeNull();
        FinishAll();
        _process.Refill().Recovered.Should().Be(2);
    }

    private bool RefillsOne()
    {
        _process.Finish(_process.Executor.Running.Keys.First());
        return _process.Refill().Taken > 0;
    }

    private void FinishAll()
    {
        foreach (SagaId running in _process.Executor.Running.Keys.ToList())
        {
            _process.Finish(running);
        }
    }
}
