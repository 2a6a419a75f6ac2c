using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Sagas of an unknown definition beside sagas that wait for a slot: they take no room, and none of them waits.</summary>
public class UnknownDefinitionSlotTests
{
    private const int Sagas = 10_000; // of each definition
    private const int Slots = 10;
    private const int Few = 20;

    private static readonly DefinitionKey Old = new("old");
    private static readonly DefinitionKey New = new("new");
    private static readonly ResumeResult Unknown = new ResumeResult.UnknownDefinition("definition provision v7");

    private readonly ScriptedProcess _process = new() { MaxRunning = Slots };

    public UnknownDefinitionSlotTests() => _process.Executor.Answer = saga => saga.Definition == Old ? Unknown : null;

    private int TriedOld => _process.Executor.Reassigned.Count(saga => _process.Database.Find(saga)!.Definition == Old);

    [Fact]
    public void Of_a_definition_that_the_executor_does_not_report_a_pass_and_its_refills_load_one_saga_and_the_others_all_run()
    {
        LeaveBehind(Sagas);
        ReportNoOldDefinition();

        PassReport pass = _process.Pass();
        int refills = RunAllThatWait();

        pass.Should().Match<PassReport>(report => report.Recovered == Slots && report.UnknownDefinition == Sagas && report.WaitingForSlot == Sagas - Slots);
        (TriedOld, refills).Should().Be((1, Sagas / Slots - 1), "no refill took less than it could");
        _process.Executor.Reassigned.Should().HaveCount(Sagas + 1);
        _process.Report.Totals.Recovered.Should().Be(Sagas);
    }

    [Fact]
    public void If_answers_in_a_pass_show_that_a_definition_is_unknown_its_sagas_leave_the_queue()
    {
        LeaveBehind(Sagas);

        PassReport pass = _process.Pass();
        RunAllThatWait();

        pass.Should().Match<PassReport>(report => report.UnknownDefinition == Sagas && report.WaitingForSlot == Sagas && report.Recovered == 0, "the first ten were unknown");
        _process.Tracker.Waiting.Should().HaveCount(Sagas).And.OnlyContain(saga => saga.Kind == WaitingKind.UnknownDefinition && saga.Reason == "definition provision v7");
        TriedOld.Should().Be(Slots);
        _process.Report.Totals.Recovered.Should().Be(Sagas);
    }

    [Fact]
    public void If_answers_in_a_refill_show_that_a_definition_is_unknown_its_sagas_leave_the_queue()
    {
        LeaveBehind(Sagas);
        _process.MaxRunning = 0;
        _process.Pass().WaitingForSlot.Should().Be(2 * Sagas);
        _process.MaxRunning = Slots;

        RefillReport refill = _process.Refill();

        (refill.Taken, refill.UnknownDefinition, _process.Tracker.WaitingForSlot, _process.Tracker.Waiting.Count).Should().Be((Slots, Slots, Sagas, Sagas));
        RunAllThatWait();
        TriedOld.Should().Be(Slots);
        _process.Tracker.UnknownDefinitions.Should().ContainSingle().Which.Sagas.Should().Be(Sagas);
        _process.Report.Totals.Recovered.Should().Be(Sagas);
    }

    [Fact]
    public void A_saga_without_a_result_is_withheld_too_if_its_definition_turns_out_to_be_unknown()
    {
        LeaveBehind(Few);
        _process.MaxRunning = 0;
        _process.Pass();
        _process.MaxRunning = Slots;
        _process.BeginRefill();

        RefillReport refill = _process.CompleteRefill(resumed: 1);

        (refill.UnknownDefinition, refill.NotAttempted).Should().Be((1, Slots - 1));
        (_process.Tracker.WaitingForSlot, _process.Tracker.Waiting.Count).Should().Be((Few, Few));
        _process.Pass().Should().Match<PassReport>(pass => pass.UnknownDefinition == Few && pass.Recovered == Slots && pass.WaitingForSlot == Few - Slots);
    }

    [Fact]
    public void The_saga_that_is_tried_for_the_others_waits_for_no_slot_and_uses_none()
    {
        LeaveBehind(Few);
        ReportNoOldDefinition();
        _process.MaxRunning = 0;

        _process.Pass().Should().Match<PassReport>(pass => pass.UnknownDefinition == Few && pass.WaitingForSlot == Few);
        _process.Wait(TimeSpan.FromMinutes(10));
        _process.Pass(PassReason.Due).Should().Match<PassReport>(pass => pass.UnknownDefinition == Few && pass.WaitingForSlot == Few);

        TriedOld.Should().Be(2);
    }

    [Fact]
    public void After_a_crash_the_saga_that_is_tried_for_the_others_waits_for_no_slot_either()
    {
        LeaveBehind(Few);
        ReportNoOldDefinition();
        _process.MaxRunning = 0;
        _process.Suspects.Add(new Suspect(Saga(2 * Few), GroupSize: 1, DeathsAlone: 1));

        _process.Pass().Should().Match<PassReport>(pass => pass.UnknownDefinition == Few && pass.WaitingForSlot == Few - 1 && pass.Deferred == 1);

        TriedOld.Should().Be(1);
    }

    [Fact]
    public void A_saga_that_an_operator_retries_waits_for_no_slot_while_its_definition_is_unknown()
    {
        LeaveBehind(Few);
        ReportNoOldDefinition();
        _process.MaxRunning = 0;
        _process.Pass();

        _process.Tracker.MakeDue(Saga(7), _process.Now).Should().BeTrue();
        _process.Pass(PassReason.OperatorAction);

        _process.Executor.Reassigned.Should().Equal(Saga(1), Saga(7));
    }

    [Fact]
    public void Sagas_in_the_queue_are_withheld_once_the_executor_reports_that_it_lacks_their_definition()
    {
        LeaveBehind(Few);
        _process.MaxRunning = 0;
        _process.Pass().WaitingForSlot.Should().Be(2 * Few);
        ReportNoOldDefinition();
        _process.Wait(TimeSpan.FromMinutes(5));

        _process.Pass().Should().Match<PassReport>(pass => pass.UnknownDefinition == Few && pass.WaitingForSlot == Few);

        TriedOld.Should().Be(1);
        _process.Tracker.Waiting.Should().HaveCount(Few).And.OnlyContain(saga => saga.Since == Noon, "they do not run since then");
    }

    [Fact]
    public void Once_the_definition_is_known_the_others_wait_for_a_slot()
    {
        LeaveBehind(Few);
        ReportNoOldDefinition();
        _process.MaxRunning = 0;
        _process.Pass();
        _process.Executor.Answer = _ => null;
        _process.Wait(TimeSpan.FromMinutes(10));
        _process.Pass(PassReason.Due).Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.UnknownDefinition == Few - 1);

        _process.Pass(PassReason.Due).Should().Match<PassReport>(pass => pass.UnknownDefinition == 0 && pass.WaitingForSlot == 2 * Few - 1);

        _process.Tracker.UnknownDefinitions.Should().BeEmpty();
        _process.Tracker.Waiting.Should().BeEmpty();
        _process.MaxRunning = Slots;
        RunAllThatWait();
        _process.Report.Totals.Recovered.Should().Be(2 * Few);
    }

    [Fact]
    public void A_definition_of_which_a_refill_has_resumed_a_saga_is_known()
    {
        LeaveBehind(Few);
        _process.MaxRunning = 0;
        _process.Pass();
        _process.MaxRunning = 2;
        _process.Executor.Answer = saga => saga.SagaId == Saga(1) ? Unknown : null;

        _process.Refill().Should().Match<RefillReport>(refill => refill.UnknownDefinition == 1 && refill.Recovered == 1);

        _process.Tracker.WaitingForSlot.Should().Be(2 * Few - 2, "the answers for the definition differ");
    }

    [Fact]
    public void A_dry_run_lets_the_saga_to_try_use_no_slot()
    {
        LeaveBehind(Few);
        ReportNoOldDefinition();

        OpenedPass pass = _process.Tracker.OpenDryRun(_process.Now);
        CandidateListing listing = pass.BeginListing();
        _process.Database.List(listing);
        listing.SetSupport((_, definition) => _process.Support(definition));
        RecoveryPlan plan = pass.Reconcile(listing, RecoveryControls.None, _process.Now).MakePlan(new ExecutorCapacity(Slots));

        plan.ToReport(_process.Now).Buckets.Where(bucket => bucket.Count > 0).Select(bucket => (bucket.Name, bucket.Count))
            .Should().Equal(("recover", Slots + 1), ("waiting for a slot", Few - Slots), ("unknown definition", Few - 1));
        Laws.FoundSagasAreAllAccountedFor(plan.BeginOutcome().Complete(_process.Now));
    }

    /// <summary>Sagas of two definitions of one name. Those of the old one have the lower ids, and are listed first.</summary>
    private void LeaveBehind(int sagas)
    {
        for (int number = 1; number <= sagas; number++)
        {
            _process.Database.LeftBehind(Saga(number), definition: Old);
            _process.Database.LeftBehind(Saga(sagas + number), definition: New);
        }
    }

    private void ReportNoOldDefinition() =>
        _process.Support = definition => definition == Old ? DefinitionSupport.Missing : DefinitionSupport.Reported;

    /// <summary>Finishes what runs and refills the slots, until no saga waits.</summary>
    /// <returns>The number of refills.</returns>
    private int RunAllThatWait()
    {
        int refills = 0;
        while (_process.Tracker.WaitingForSlot > 0)
        {
            foreach (SagaId running in _process.Executor.Running.Keys.ToList())
            {
                _process.Finish(running);
            }

            _process.Refill().Taken.Should().BePositive();
            refills++;
        }

        return refills;
    }
}
