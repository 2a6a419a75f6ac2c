using SagaRecovery.Bookkeeping;
using SagaRecovery.Core.Tests.Fixture;
using SagaRecovery.Status;
using static SagaRecovery.Core.Tests.Fixture.ScriptedProcess;

namespace SagaRecovery.Core.Tests.Bookkeeping;

/// <summary>Sagas whose definition the executor lacks: one of them is tried for all, and the tries back off.</summary>
public class UnknownDefinitionTests
{
    private const int Sagas = 10;
    private static readonly DefinitionKey Old = new("old");
    private static readonly DefinitionKey New = new("new");
    private static readonly ResumeResult Unknown = new ResumeResult.UnknownDefinition("definition provision v7");

    private readonly ScriptedProcess _process = new();

    public UnknownDefinitionTests()
    {
        for (int number = 1; number <= Sagas; number++)
        {
            _process.Database.LeftBehind(Saga(number), definition: new DefinitionKey("old")); // equal objects: a store need not intern them
        }
    }

    private int Tried => _process.Executor.Reassigned.Count;

    [Fact]
    public void Of_a_definition_that_the_executor_does_not_report_one_saga_is_tried_for_all()
    {
        ReportNoOldDefinition();

        PassReport pass = _process.Pass();

        pass.Should().Match<PassReport>(report => report.UnknownDefinition == Sagas && report.Result == PassResult.Completed && report.BackingOff == 0);
        Tried.Should().Be(1);
        _process.Tracker.Waiting.Should().HaveCount(Sagas).And.OnlyContain(saga =>
            saga.Kind == WaitingKind.UnknownDefinition && saga.Reason == "definition provision v7" && saga.Failures == 1 && saga.NextTry > Noon);
        _process.Tracker.UnknownDefinitions.Should().Equal(new UnknownDefinitionSagas("provision", Old, Sagas, "definition provision v7"));
    }

    [Fact]
    public void Without_reported_definitions_each_saga_is_tried_once_and_then_one_for_all()
    {
        _process.Executor.AlwaysAnswers(Unknown);

        _process.Pass().UnknownDefinition.Should().Be(Sagas);
        Tried.Should().Be(Sagas);
        _process.Pass().UnknownDefinition.Should().Be(Sagas);
        _process.Wait(TimeSpan.FromMinutes(10));
        _process.Pass().UnknownDefinition.Should().Be(Sagas);

        Tried.Should().Be(Sagas + 1);
    }

    [Fact]
    public void Passes_before_the_definition_is_due_try_nothing()
    {
        ReportNoOldDefinition();
        _process.Pass();

        foreach (PassReason reason in Enum.GetValues<PassReason>().Except([PassReason.Explicit]))
        {
            _process.Pass(reason).UnknownDefinition.Should().Be(Sagas);
        }

        Tried.Should().Be(1);
    }

    [Fact]
    public void The_delays_double_to_ten_minutes()
    {
        ReportNoOldDefinition();
        List<TimeSpan> delays = [];
        for (int pass = 0; pass < 15; pass++)
        {
            _process.Pass();
            delays.Add(_process.Tracker.Waiting[0].NextTry!.Value - _process.Now);
            _process.Wait(delays[^1]);
        }

        Tried.Should().Be(15);
        foreach ((int doubling, TimeSpan delay) in delays[..10].Index())
        {
            delay.TotalSeconds.Should().BeInRange(0.5 * Math.Pow(2, doubling), Math.Pow(2, doubling));
        }

        delays[10..].Should().OnlyContain(delay => delay >= TimeSpan.FromMinutes(5) && delay <= TimeSpan.FromMinutes(10));
    }

    [Fact]
    public void An_explicit_pass_tries_one_at_once()
    {
        ReportNoOldDefinition();
        _process.Pass();

        _process.Pass(PassReason.Explicit).UnknownDefinition.Should().Be(Sagas);

        Tried.Should().Be(2);
    }

    [Fact]
    public void A_fresh_process_tries_one_at_once()
    {
        ReportNoOldDefinition();
        _process.Pass();
        ScriptedProcess next = _process.CrashAndRestart();
        next.Executor.AlwaysAnswers(Unknown);
        next.Support = _process.Support;

        next.Pass().UnknownDefinition.Should().Be(Sagas);

        next.Executor.Reassigned.Should().ContainSingle();
    }

    [Fact]
    public void Once_one_saga_runs_the_others_are_due()
    {
        ReportNoOldDefinition();
        _process.Pass();
        _process.Executor.Answer = _ => null;

        PassReport one = _process.Pass(PassReason.Explicit);
        DateTimeOffset? due = _process.Tracker.Waiting.Min(saga => saga.NextTry);
        PassReport others = _process.Pass(PassReason.Due);

        one.Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.UnknownDefinition == Sagas - 1);
        due.Should().Be(_process.Now, "a pass is due at once");
        others.Should().Match<PassReport>(pass => pass.Recovered == Sagas - 1 && pass.Skipped == 1);
        _process.Tracker.UnknownDefinitions.Should().BeEmpty();
    }

    [Fact]
    public void Once_one_saga_is_corrupt_the_others_are_tried()
    {
        ReportNoOldDefinition();
        _process.Executor.AlwaysAnswers(new ResumeResult.Abandoned("its DAG does not match its hash"));

        _process.Pass().Should().Match<PassReport>(pass => pass.Abandoned == 1 && pass.UnknownDefinition == Sagas - 1);

        _process.Pass(PassReason.Due).Abandoned.Should().Be(Sagas - 1);
    }

    [Fact]
    public void Of_a_definition_with_a_dag_by_parameters_each_saga_has_its_own_answer()
    {
        _process.Support = _ => DefinitionSupport.Reported;
        _process.Executor.Answer = candidate => candidate.SagaId <= Saga(4) ? Unknown : null;

        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == Sagas - 4 && pass.UnknownDefinition == 4);
        _process.Database.LeftBehind(Saga(11), definition: Old);
        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.UnknownDefinition == 4);

        Tried.Should().Be(Sagas + 1, "those that were unknown back off");
        _process.Tracker.Waiting.Select(saga => saga.NextTry).Distinct().Should().ContainSingle("they are due together");
    }

    [Fact]
    public void Different_answers_for_a_definition_withhold_no_other_saga()
    {
        _process.Executor.Answer = candidate => candidate.SagaId == Saga(Sagas) ? null : Unknown;
        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.UnknownDefinition == Sagas - 1);
        _process.Executor.Answer = _ => null;
        _process.Database.LeftBehind(Saga(11), definition: Old);

        _process.Pass().Recovered.Should().Be(1, "the new one is tried");
        _process.Wait(TimeSpan.FromSeconds(1));
        _process.Pass().Recovered.Should().Be(Sagas - 1, "the others are tried when due");
    }

    [Fact]
    public void Another_definition_is_not_affected()
    {
        ReportNoOldDefinition();
        _process.Pass();
        _process.Executor.Answer = candidate => candidate.Definition == Old ? Unknown : null;
        _process.Database.LeftBehind(Saga(11), definition: New);

        _process.Pass().Should().Match<PassReport>(pass => pass.Recovered == 1 && pass.UnknownDefinition == Sagas);
    }

    [Fact]
    public void A_saga_that_an_operator_retries_is_tried_itself()
    {
        ReportNoOldDefinition();
        _process.Pass();

        _process.Tracker.MakeDue(Saga(7), _process.Now).Should().BeTrue();
        _process.Pass(PassReason.OperatorAction);

        _process.Executor.Reassigned.Should().Equal(Saga(1), Saga(7));
    }

    [Fact]
    public void A_try_that_fails_without_an_answer_backs_off_for_all()
    {
        ReportNoOldDefinition();
        _process.Executor.AlwaysAnswers(new ResumeResult.Failed("time-out"));

        _process.Pass().Should().Match<PassReport>(pass => pass.Failed == 1 && pass.UnknownDefinition == Sagas - 1);
        _process.Pass().Should().Match<PassReport>(pass => pass.BackingOff == 1 && pass.UnknownDefinition == Sagas - 1);

        Tried.Should().Be(1);
    }

    [Fact]
    public void If_the_saga_to_try_has_changed_another_one_is_due()
    {
        ReportNoOldDefinition();
        _process.OpenPass();
        _process.List();
        _process.Plan();
        _process.Database.Finish(Saga(1));
        _process.Execute().Superseded.Should().Be(1);

        _process.Tracker.Waiting.Min(saga => saga.NextTry).Should().Be(_process.Now);
        _process.Pass(PassReason.Due).UnknownDefinition.Should().Be(Sagas - 1);
        _process.Executor.Reassigned.Should().Equal(Saga(2));
    }

    [Fact]
    public void A_deferred_suspect_requests_no_passes_for_its_definition()
    {
        ReportNoOldDefinition();
        _process.Database.LeftBehind(Saga(11), definition: New);
        _process.Executor.Answer = candidate => candidate.Definition == Old ? Unknown : null;
        _process.Suspects.Add(new Suspect(Saga(1), GroupSize: 1, DeathsAlone: 1));

        _process.Pass().Should().Match<PassReport>(pass => pass.Deferred == 1 && pass.Recovered == 1 && pass.UnknownDefinition == Sagas - 1);

        _process.Tracker.Waiting.Should().OnlyContain(saga => saga.NextTry == null, "the pass at the end of the probation tries it");
        _process.Wait(CrashGuardPolicy.Default.Probation);
        _process.Pass(PassReason.Probation).UnknownDefinition.Should().Be(Sagas);
        Tried.Should().Be(2);
    }

    [Fact]
    public void A_saga_that_runs_here_is_readopted_whatever_the_answers_for_its_definition_were()
    {
        _process.Executor.AlwaysAnswers(Unknown);
        _process.Pass();
        _process.Database.DefinitionOfStarts = Old;
        _process.Start(Saga(12));
        _process.Pass();
        _process.Database.Reassign(Saga(12), ours: true);

        _process.Pass();

        _process.Executor.Reassigned[^1].Should().Be(Saga(12));
    }

    [Fact]
    public void A_saga_whose_end_the_database_lost_is_recovered_whatever_the_answers_for_its_definition_were()
    {
        _process.Executor.AlwaysAnswers(Unknown);
        _process.Pass();
        _process.Database.DefinitionOfStarts = Old;
        _process.Start(Saga(12));
        _process.Pass();
        _process.Inbox.ReportEnded(Saga(12), _process.Executor.End(Saga(12)));

        _process.Pass();

        _process.Executor.Reassigned[^1].Should().Be(Saga(12));
    }

    [Fact]
    public void A_definition_whose_sagas_have_gone_is_forgotten()
    {
        ReportNoOldDefinition();
        _process.Pass();
        for (int number = 1; number <= Sagas; number++)
        {
            _process.Database.Finish(Saga(number));
        }

        _process.Pass().Found.Should().Be(0);

        _process.Tracker.UnknownDefinitions.Should().BeEmpty();
        _process.Database.LeftBehind(Saga(11), definition: Old);
        _process.Pass().UnknownDefinition.Should().Be(1);
        Tried.Should().Be(2, "nothing is remembered of it");
    }

    [Fact]
    public void Held_sagas_of_an_unknown_definition_count_as_held_and_keep_its_delay()
    {
        ReportNoOldDefinition();
        _process.Pass();
        _process.Held.UnionWith(Enumerable.Range(1, Sagas).Select(Saga));
        _process.Pass().Held.Should().Be(Sagas);
        _process.Held.Clear();

        _process.Pass().UnknownDefinition.Should().Be(Sagas);

        Tried.Should().Be(1);
    }

    private void ReportNoOldDefinition()
    {
        _process.Support = definition => definition == Old ? DefinitionSupport.Missing : DefinitionSupport.Reported;
        _process.Executor.AlwaysAnswers(Unknown);
    }
}
