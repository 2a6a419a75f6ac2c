using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Core.Tests.Status;

public sealed class ProblemTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 30, 12, 0, 0, TimeSpan.Zero);
    private static readonly SagaId Saga = new(Guid.Parse("0199c1d2-5a3b-7c4d-8e5f-60718293a4b5"));
    private static readonly CoordinatorId Us = new(Guid.Parse("c0000000-0000-4000-8000-000000000001"));

    private static readonly RecoveryReport Report = new()
    {
        Coordinator = new CoordinatorStatus(Us, new Incarnation(7), Fenced: null),
        Period = TimeSpan.FromMinutes(10),
    };

    [Theory]
    [InlineData(WaitingKind.BackingOff, 2, null)]
    [InlineData(WaitingKind.BackingOff, 3, "It failed to resume, or its run was interrupted, 3 times in a row.")]
    [InlineData(WaitingKind.Unreadable, 1, "Its row cannot be read.")]
    public void A_saga_that_fails_again_and_again_is_a_problem(WaitingKind kind, int failures, string? reason)
    {
        IReadOnlyList<Problem> problems = ProcessProblems.Of(Report with { Waiting = [new WaitingSaga(Saga, "create", kind, Noon, failures, NextTry: null, "quota")] });

        problems.Select(problem => problem.Reason).Should().Equal(reason is null ? [] : [reason]);
        problems.All(problem => problem.Id == $"failing:{Saga}" && problem.Error == "quota" && problem.Since == Noon).Should().BeTrue();
    }

    [Fact]
    public void Sagas_of_one_unknown_definition_are_one_problem()
    {
        WaitingSaga[] waiting =
        [
            .. Enumerable.Range(0, 5).Select(minute => new WaitingSaga(
                new SagaId(Guid.NewGuid()), "create", WaitingKind.UnknownDefinition, Noon.AddMinutes(minute), 1, NextTry: null, "create v2 is not registered")),
        ];

        ProcessProblems.Of(Report with { Waiting = waiting }).Should().ContainSingle().Which.Should().Match<Problem>(
            problem => problem.Id == "unknown-definition:create" && problem.Since == Noon && problem.Error == "create v2 is not registered");
    }

    /// <summary>The report names 128 waiting sagas only. Sagas that fail must neither be missed nor push out an unknown definition.</summary>
    [Fact]
    public void All_failing_sagas_and_unknown_definitions_are_counted_however_many_wait()
    {
        WaitingSaga[] waiting =
        [
            .. Enumerable.Range(0, 200).Select(_ => Waiting(WaitingKind.BackingOff, "fails once", failures: 1, Noon.AddMinutes(1))),
            .. Enumerable.Range(0, 200).Select(_ => Waiting(WaitingKind.UnknownDefinition, "old", failures: 1, nextTry: null)),
            .. Enumerable.Range(0, 299).Select(_ => Waiting(WaitingKind.BackingOff, "fails", failures: 3, Noon.AddHours(1))),
            Waiting(WaitingKind.Unreadable, "", failures: 0, nextTry: null),
            Waiting(WaitingKind.UnknownDefinition, "other", failures: 1, Noon.AddHours(9)),
            Waiting(WaitingKind.UnknownDefinition, "old", failures: 1, nextTry: null) with { Since = Noon.AddHours(-1) },
        ];
        RecoveryReport report = Report.WithWaiting(waiting);

        IReadOnlyList<Problem> problems = ProcessProblems.Of(report);
        ProblemList list = ProcessProblems.CountAll(ProblemList.Of(Noon, problems, [new ProblemCount(ProblemKind.Stuck, 2, 0)]), report);

        report.Should().Match<RecoveryReport>(one => one.WaitingCount == 702 && one.Waiting.Count == RecoveryReport.WaitingShown && one.FailingCount == 300 && one.UnknownDefinitionCount == 2);
        report.Waiting.Should().BeInAscendingOrder(saga => saga.NextTry);
        problems.Should().HaveCount(RecoveryReport.WaitingShown);
        problems.Where(problem => problem.Kind == ProblemKind.UnknownDefinition).Select(problem => (problem.Subject, problem.Since)).Should().BeEquivalentTo([("old", Noon.AddHours(-1)), ("other", Noon)]);
        list.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 2, 0), new ProblemCount(ProblemKind.Failing, 300, 0), new ProblemCount(ProblemKind.UnknownDefinition, 2, 0));

        static WaitingSaga Waiting(WaitingKind kind, string name, int failures, DateTimeOffset? nextTry) =>
            new(new SagaId(Guid.NewGuid()), name, kind, Noon, failures, nextTry, "why");
    }

    [Fact]
    public void A_listed_problem_that_is_acknowledged_is_not_counted_as_open_again()
    {
        RecoveryReport report = Report with { FailingCount = 300 };
        ProblemList list = ProblemList.Of(Noon, [], [new ProblemCount(ProblemKind.Failing, 120, 8)]);

        ProcessProblems.CountAll(list, report).Counts.Should().Equal(new ProblemCount(ProblemKind.Failing, 292, 8));
        ProcessProblems.CountAll(list, Report).Counts.Should().Equal(new ProblemCount(ProblemKind.Failing, 120, 8));
    }

    [Fact]
    public void A_fenced_process_is_a_problem()
    {
        RecoveryReport fenced = Report with { Coordinator = Report.Coordinator with { Fenced = new FenceStatus(new Incarnation(8), Noon) } };

        ProcessProblems.Of(fenced).Should().ContainSingle().Which.Should().Match<Problem>(problem => problem.Id == $"fenced:{Us}" && problem.Since == Noon);
    }

    [Fact]
    public void Open_problems_come_first_then_the_kind_then_the_newest_and_kinds_are_counted()
    {
        Problem One(ProblemKind kind, string subject, int minute, bool known = false) => new(kind, subject, Noon.AddMinutes(minute), "why")
        {
            Acknowledged = known ? new Acknowledgement(Noon.AddMinutes(9), new OperatorNote("ann", "known")) : null,
        };

        ProblemList list = ProblemList.Of(
            Noon.AddMinutes(10),
            [One(ProblemKind.Paused, "p", 1), One(ProblemKind.Stuck, "old", 2), One(ProblemKind.Stuck, "known", 3, known: true), One(ProblemKind.Stuck, "new", 4)],
            [new ProblemCount(ProblemKind.Stuck, 200, 1), new ProblemCount(ProblemKind.Abandoned, 0, 0)]);

        list.Problems.Select(problem => problem.Subject).Should().Equal("new", "old", "p", "known");
        list.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 200, 1), new ProblemCount(ProblemKind.Paused, 1, 0));
        ProblemListText.Summarize(list).Should().Be("202 problems (201 stuck, 1 paused), 1 of them acknowledged");
        ProblemListText.Render(list, withAcknowledged: false).Should().Contain("\nstuck:new, for 6m\n  why\n").And.NotContain("stuck:known");
        ProblemListText.Render(list).Should().EndWith(
            "\nstuck:known, for 7m\n  why\n  acknowledged 60s ago by ann: known\n"
            + "\nThese are 4 of 202: up to 100 of each kind, open ones first.\n"
            + "\nProblems that only one process knows are listed by that process: failing, unknown-definition, passes-fail, fenced.\n");
    }

    [Fact]
    public void A_problem_without_a_time_of_its_own_began_when_it_was_first_listed()
    {
        Problem failing = new(ProblemKind.Failing, "x", Noon.AddMinutes(5), "why");
        Problem stuck = new(ProblemKind.Stuck, "x", Noon.AddMinutes(5), "why");
        var earlier = ProblemList.Of(Noon, [failing with { Since = Noon }, stuck with { Since = Noon }], []);

        ProblemList.Of(Noon.AddMinutes(6), [failing, stuck], []).After(earlier).Problems.Select(problem => (problem.Kind, problem.Since)).Should().Equal(
            (ProblemKind.Stuck, Noon.AddMinutes(5)), (ProblemKind.Failing, Noon));
    }

    [Fact]
    public void The_problems_of_a_process_are_replaced_without_the_store()
    {
        var acknowledged = new Acknowledgement(Noon, new OperatorNote("ann", "known"));
        Problem failing = new(ProblemKind.Failing, "x", Noon, "why") { Acknowledged = acknowledged };
        var earlier = ProblemList.Of(Noon, [failing, failing with { Subject = "resolved" }, new Problem(ProblemKind.Stuck, "y", Noon, "why")], [new ProblemCount(ProblemKind.Stuck, 300, 0)]);

        ProblemList now = earlier.With([failing with { Since = Noon.AddMinutes(1), Acknowledged = null }, new Problem(ProblemKind.Fenced, "us", Noon.AddMinutes(2), "why")]);

        now.Problems.Select(problem => problem.Id).Should().Equal("stuck:y", "fenced:us", "failing:x");
        now.Problems[^1].Should().Match<Problem>(problem => problem.Since == Noon && problem.Acknowledged == acknowledged);
        now.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 300, 0), new ProblemCount(ProblemKind.Failing, 0, 1), new ProblemCount(ProblemKind.Fenced, 1, 0));
    }

    [Fact]
    public void The_status_names_the_numbers_while_a_problem_is_open()
    {
        var list = ProblemList.Of(Noon, [new Problem(ProblemKind.Stuck, "x", Noon, "why")], []);

        RecoveryReportText.Render(Report with { Problems = list }, Noon.AddSeconds(30)).Should().Contain("  PROBLEMS: 1 problem (1 stuck) (as of 30s ago). List them with 'problems'.\n");
        RecoveryReportText.Render(Report with { Problems = ProblemList.Of(Noon, [], []) }, Noon).Should().NotContain("PROBLEMS");
    }
}
