using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Postgres;

/// <summary>What deserves an operator's attention, as rows of the store show it, and its acknowledgement.</summary>
public class ProblemTests(PostgresCluster cluster) : ClusterTest(cluster)
{
    private static readonly OperatorNote Known = new("ann", "ticket 17");

    [Fact]
    public async Task In_peace_no_problem_is_listed()
    {
        await using ListeningCoordinator us = await Db.RunHeartbeatAsync();
        await CreateSagasAsync(us.Member, 2);

        ProblemList problems = await ListAsync();

        problems.Problems.Should().BeEmpty();
        problems.Counts.Should().BeEmpty();
        ProblemListText.Render(problems).Should().StartWith("no problems\n");
    }

    [Fact]
    public async Task Stuck_and_abandoned_sagas_have_an_identity_a_time_and_a_reason()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [.. await CreateSagasAsync(us, 2)];
        await GetStuckAsync(sagas[0]);
        await Db.ExecuteAsync(
            "update saga_recovery.saga set state = 'abandoned', abandon_time = now(), abandon_reason = 'unrecoverable', abandon_comment = 'illegal log' where id = @Id",
            new { Id = sagas[1].Value });

        ProblemList problems = await ListAsync();

        (Problem stuck, Problem abandoned) = (problems.Problems[0], problems.Problems[1]);
        stuck.Should().Match<Problem>(one => one.Id == $"stuck:{sagas[0]}" && one.Name == "test-saga" && one.Acknowledged == null && one.Next == $"explain {sagas[0]}");
        stuck.Reason.Should().Be("The undo of 'disk' failed with quota: it is partly undone.");
        stuck.Since.Should().BeCloseTo(problems.At, TimeSpan.FromMinutes(5));
        abandoned.Should().Match<Problem>(one => one.Id == $"abandoned:{sagas[1]}" && one.Error == "illegal log");
        problems.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 1, 0), new ProblemCount(ProblemKind.Abandoned, 1, 0));
    }

    [Fact]
    public async Task An_acknowledged_problem_stays_until_it_is_resolved_and_a_new_one_is_open()
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = (await CreateSagasAsync(us, 1)).Single();
        await GetStuckAsync(saga);

        await Db.Problems.AcknowledgeAsync($"stuck:{saga}", [], Known, CancellationToken.None);

        ProblemList acknowledged = await ListAsync();
        acknowledged.Problems.Single().Acknowledged!.Note.Should().Be(Known);
        acknowledged.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 0, 1));
        (acknowledged.Open, acknowledged.Acknowledged).Should().Be((0, 1));

        await Db.ExecuteAsync("update saga_recovery.saga set state = 'unwinding' where id = @Id", new { Id = saga.Value });
        (await ListAsync()).Problems.Where(problem => problem.Kind == ProblemKind.Stuck).Should().BeEmpty("an operator had its undo tried again");
        await GetStuckAsync(saga);
        ProblemList anew = await ListAsync();
        anew.Counts.Should().Equal([new ProblemCount(ProblemKind.Stuck, 1, 0)], "it got stuck anew, after the acknowledgement");
        anew.Problems.Single().Acknowledged.Should().BeNull();
    }

    [Theory]
    [InlineData("infinity")]
    [InlineData("-infinity")]
    public async Task A_stuck_saga_with_an_impossible_time_can_be_acknowledged(string time)
    {
        Membership us = await Db.JoinAsync();
        SagaId saga = (await CreateSagasAsync(us, 1)).Single();
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'stuck', time_ended = @time::timestamptz where id = @Id", new { time, Id = saga.Value });

        (await Db.Problems.AcknowledgeAsync($"stuck:{saga}", [], Known, CancellationToken.None)).Should().NotBeNull();

        ProblemList problems = await ListAsync();
        problems.Problems.Single().Acknowledged.Should().NotBeNull();
        problems.Open.Should().Be(0);
    }

    [Fact]
    public async Task Sagas_that_no_process_will_run_are_problems_of_their_owners()
    {
        Membership dead = await SilentAsync();
        await CreateSagasAsync(dead, 2);
        Membership answering = await Db.JoinAsync();
        var stranger = new CoordinatorId(Guid.NewGuid());
        SagaId[] others = [.. await CreateSagasAsync(answering, 2)];
        await Db.ReassignAsync(others[0], stranger);
        await Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = null where id = @Id", new { Id = others[1].Value });

        ProblemList problems = await ListAsync();

        problems.Problems.Select(problem => problem.Id).Should().Equal($"owner-down:{dead.Coordinator}", $"unknown-owner:{stranger}", "unowned");
        problems.Problems[0].Reason.Should().Be("It does not answer, and owns 2 unfinished sagas.");
        problems.Problems[0].Since.Should().BeBefore(problems.At - CoordinatorDetails.AnswerTimeout);

        await Db.Problems.AcknowledgeAsync($"owner-down:{dead.Coordinator}", [], Known, CancellationToken.None);
        (await ListAsync()).Problems[^1].Should().Match<Problem>(problem => problem.Kind == ProblemKind.OwnerDown && problem.Acknowledged != null);
    }

    [Fact]
    public async Task A_saga_that_the_crash_loop_guard_holds_is_a_problem_and_one_that_an_operator_holds_is_not()
    {
        await using ListeningCoordinator us = await Db.RunHeartbeatAsync();
        SagaId[] sagas = [.. await CreateSagasAsync(us.Member, 2)];
        await Db.Operations.HoldAsync(sagas[0], new OperatorNote(OperatorNote.CrashGuardActor, "the process crashed 3 times"), CancellationToken.None);
        await Db.Operations.HoldAsync(sagas[1], Known, CancellationToken.None);

        (await ListAsync()).Problems.Should().ContainSingle().Which.Should().Match<Problem>(
            problem => problem.Id == $"held:{sagas[0]}" && problem.Reason == "The crash-loop guard holds it, since the process crashed 3 times.");
    }

    [Theory]
    [InlineData("now() + interval '2 hours'")]
    [InlineData("'infinity'")]
    public async Task A_problem_that_began_in_the_future_can_be_acknowledged(string since)
    {
        await using ListeningCoordinator us = await Db.RunHeartbeatAsync();
        await Db.Operations.PauseAsync(us.Member.Coordinator, Known, CancellationToken.None);
        await CreateSagasAsync(us.Member, 1);
        await Db.ExecuteAsync($"update saga_recovery.saga_recovery_pause set time_paused = {since}");

        (await Db.Problems.AcknowledgeAsync($"paused:{us.Member.Coordinator}", [], Known, CancellationToken.None)).Should().NotBeNull();

        (await ListAsync()).Problems.Single().Acknowledged.Should().NotBeNull("the clock of the server was set back since");
    }

    [Fact]
    public async Task A_crash_loop_is_a_problem_from_its_third_crash_until_a_process_survives()
    {
        var us = new CoordinatorId(Guid.NewGuid());
        Membership process = await Db.JoinAsync(us);
        await Db.Controls.RecordCrashLoopAsync(process, Loop(2), CancellationToken.None);
        (await ListAsync()).Problems.Should().BeEmpty();

        await Db.Controls.RecordCrashLoopAsync(process, Loop(3), CancellationToken.None);
        (await ListAsync()).Problems.Single().Should().Match<Problem>(problem =>
            problem.Id == $"crash-loop:{us}" && problem.Reason == "Its last 3 processes ended without a shutdown or were replaced while they ran, the latest within 8s of its join.");

        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now() - interval '1 hour', time_joined = now() - interval '2 hours'");
        (await ListAsync()).Problems.Should().ContainSingle("the process that crashed has not come back");
        await Db.ExecuteAsync("update saga_recovery.saga_coordinator set time_seen = now()");
        (await ListAsync()).Problems.Should().BeEmpty("the process has survived the watch, and it suspects no saga");

        static CrashLoop Loop(int crashes) => new(crashes, WatchFrom: 2, Probation: null, FailedControls: 0, LastLived: TimeSpan.FromSeconds(8));
    }

    [Fact]
    public async Task A_paused_coordinator_is_a_problem_while_it_owns_unfinished_sagas()
    {
        await using ListeningCoordinator us = await Db.RunHeartbeatAsync();
        await Db.Operations.PauseAsync(us.Member.Coordinator, Known, CancellationToken.None);
        (await ListAsync()).Problems.Should().BeEmpty();

        await CreateSagasAsync(us.Member, 1);

        (await ListAsync()).Problems.Single().Should().Match<Problem>(
            problem => problem.Kind == ProblemKind.Paused && problem.Reason == "Its recovery is paused (ann: ticket 17), and it owns unfinished sagas.");
    }

    [Fact]
    public async Task Problems_of_the_process_are_listed_with_their_acknowledgements()
    {
        var failing = new Problem(ProblemKind.Failing, Guid.NewGuid().ToString(), DateTimeOffset.UtcNow.AddMinutes(-5), "It failed to resume 4 times in a row.");
        await Db.JoinAsync();
        (await Db.Problems.AcknowledgeAsync(failing.Id, [failing], Known, CancellationToken.None))!.Acknowledged!.Note.Should().Be(Known);

        (await ListAsync(failing)).Problems.Single().Acknowledged!.Note.Should().Be(Known);
        ProblemList retried = await ListAsync(failing with { Since = DateTimeOffset.UtcNow.AddMinutes(5) });
        retried.Problems.Single().Acknowledged.Should().NotBeNull("each retry begins a new wait, and it is still the same problem");

        await Db.Problems.ForgetResolvedAsync(retried, await ListAsync(), CancellationToken.None);
        (await ListAsync(failing)).Problems.Single().Acknowledged.Should().BeNull("it was resolved meanwhile");
    }

    [Fact]
    public async Task A_new_orphan_is_open_although_an_earlier_one_was_acknowledged()
    {
        Membership us = await Db.JoinAsync();
        SagaId[] sagas = [.. await CreateSagasAsync(us, 2)];
        await SetOwnerAsync(sagas[0], null);
        await Db.Problems.AcknowledgeAsync("unowned", [], Known, CancellationToken.None);
        ProblemList acknowledged = await ListAsync();
        acknowledged.Problems.Single().Acknowledged.Should().NotBeNull();
        await Db.Problems.ForgetResolvedAsync(earlier: null, acknowledged, CancellationToken.None);
        await Db.Problems.ForgetResolvedAsync(acknowledged, acknowledged, CancellationToken.None);
        (await ListAsync()).Open.Should().Be(0, "it is not resolved");

        await SetOwnerAsync(sagas[0], us.Coordinator.Value);
        await Db.Problems.ForgetResolvedAsync(acknowledged, await ListAsync(), CancellationToken.None);
        await SetOwnerAsync(sagas[1], null);

        (await ListAsync()).Problems.Single(problem => problem.Kind == ProblemKind.Unowned).Acknowledged.Should().BeNull();

        Task SetOwnerAsync(SagaId saga, Guid? owner) =>
            Db.ExecuteAsync("update saga_recovery.saga set current_coordinator = @owner where id = @Id", new { owner, Id = saga.Value });
    }

    [Fact]
    public async Task Of_many_sagas_a_hundred_are_listed_and_all_are_counted()
    {
        Membership us = await Db.JoinAsync();
        await CreateSagasAsync(us, ProblemList.MaxListed + 20);
        await Db.ExecuteAsync("update saga_recovery.saga set state = 'stuck'");

        ProblemList problems = await ListAsync();

        problems.Problems.Should().HaveCount(ProblemList.MaxListed);
        problems.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, ProblemList.MaxListed + 20, 0));

        foreach (Problem problem in problems.Problems)
        {
            await Db.Problems.AcknowledgeAsync(problem.Id, [], Known, CancellationToken.None);
        }

        ProblemList rest = await ListAsync();
        rest.Problems.Count(problem => problem.Acknowledged is null).Should().Be(20, "those that are open come first");
        rest.Counts.Should().Equal(new ProblemCount(ProblemKind.Stuck, 20, ProblemList.MaxListed));
    }

    private Task<ProblemList> ListAsync(params Problem[] ofProcess) => Db.Problems.ListAsync(ofProcess, owners: null, CancellationToken.None);

    private Task GetStuckAsync(SagaId saga) => Db.ExecuteAsync(
        "update saga_recovery.saga set state = 'stuck', time_ended = clock_timestamp(), failed_node = 'disk', error_code = 'quota' where id = @Id", new { Id = saga.Value });
}
