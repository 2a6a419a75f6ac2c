using SagaRecovery.Testing.Idempotency;
using static SagaRecovery.Testing.Tests.Idempotency.World;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>The check itself: its runs, its messages, and the requirements on its callbacks.</summary>
public sealed class CheckTests
{
    private readonly World _world = new();

    [Fact]
    public async Task A_saga_as_it_should_be_has_no_faults_and_every_run_is_listed()
    {
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) => _world.Good(saga, "middle", first)));

        report.Faults.Should().BeEmpty();
        report.EndedEarly.Should().BeFalse();
        report.UndosNeverRun.Should().BeEmpty();
        report.Runs.Should().Equal(
            "no fault was injected",
            "no fault was injected",
            "the action of 'first' ran twice",
            "the action of 'middle' ran twice",
            "the action of 'last' ran twice",
            "'first' failed",
            "'middle' failed",
            "'last' failed",
            "the action of 'first' ran twice and 'last' failed",
            "'last' failed and the undo of 'first' ran twice",
            "the action of 'middle' ran twice and 'last' failed",
            "'last' failed and the undo of 'middle' ran twice");
        report.ThrowIfFaulty();
        report.ToString().Should().Be("saga 'worldly' version 1: no faults in 12 runs");
    }

    [Fact]
    public async Task Transactional_nodes_need_a_connection()
    {
        var saga = new WorldSaga(builder => builder.TransactionalNode("row", (_, _) => Task.CompletedTask));

        await _world.Awaiting(world => world.CheckAsync(saga)).Should().ThrowAsync<InvalidOperationException>().WithMessage("*OpenConnection*");
    }

    [Fact]
    public async Task An_undo_that_nothing_can_call_for_is_not_hidden()
    {
        var saga = new WorldSaga(builder => _world.Good(builder, "last", _world.Good(builder, "first")));

        IdempotencyReport report = await _world.CheckAsync(saga);

        report.Faults.Should().BeEmpty();
        report.UndosNeverRun.Should().Equal("last");
        report.ToString().Should().EndWith("\n  not checked, because no node can fail after them: the undos of 'last'");
    }

    [Fact]
    public async Task The_report_is_thrown_as_a_person_reads_it()
    {
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) =>
            saga.Node("attach", Does(() => _world.Add("attachment")), Does(() => { }), first)));

        FluentActions.Invoking(report.ThrowIfFaulty).Should().Throw<IdempotencyException>().Which.Message.Should().Be(
            """
            saga 'worldly' version 1: 2 faults in 12 runs
              action 'attach' is not idempotent: running it twice changes the result
                seen when the action of 'attach' ran twice
                  + attachment
              undo of 'attach' does not reverse all effects of its action
                seen when 'last' failed
                  + attachment
            """.ReplaceLineEndings("\n"));
    }

    [Fact]
    public async Task A_failing_node_waits_for_the_branches_beside_it()
    {
        var saga = new WorldSaga(builder =>
        {
            _world.Good(builder, "quick");
            SagaNode slow = builder.Node("slow", async _ => await Task.Yield());
            builder.Node("after-slow", Does(() => _world.Put("row")), Does(() => { }), slow);
        });

        IdempotencyReport report = await _world.CheckAsync(saga);

        IdempotencyFault fault = report.Faults.Should().ContainSingle().Which;
        fault.Nodes.Should().Equal("after-slow");
        fault.Run.Should().Be("'quick' failed");
    }

    [Fact]
    public async Task A_state_that_differs_at_a_second_read_ends_the_check()
    {
        int reads = 0;
        IdempotencyCheck<string> check = _world.CheckOf(Good()) with { State = _ => Task.FromResult<IEnumerable<string>>([$"read {++reads}"]) };

        IdempotencyReport report = await check.RunAsync();

        report.EndedEarly.Should().BeTrue();
        IdempotencyFault fault = report.Faults.Should().ContainSingle().Which;
        fault.Kind.Should().Be(IdempotencyFaultKind.StateVaries);
        fault.Message.Should().Contain("it is not deterministic");
        fault.Evidence.Should().Equal("+ read 2", "- read 1");
    }

    [Fact]
    public async Task A_state_that_holds_a_time_is_reported_and_the_rest_is_checked_all_the_same()
    {
        int time = 0;
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) =>
        {
            SagaNode stamped = saga.Node("stamped", Does(() => Stamp()), Does(() => Unstamp()), first);
            return saga.Node("bad", Does(() => _world.Add("row")), Does(() => _world.Remove("row")), stamped);
        }));

        report.Faults.Select(fault => fault.Kind).Should().Equal(IdempotencyFaultKind.StateVaries, IdempotencyFaultKind.ActionNotIdempotent);
        report.Faults[0].Message.Should().Contain("If State reads timestamps or sequence numbers, leave them out");
        report.Faults[1].Nodes.Should().Equal("bad");

        void Stamp()
        {
            if (!_world.Rows.Any(IsStamped))
            {
                _world.Put($"stamped at {++time}");
            }
        }

        void Unstamp() => _world.Rows.Where(IsStamped).ToList().ForEach(row => _world.Remove(row));

        static bool IsStamped(string row) => row.StartsWith("stamped", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_reset_that_leaves_something_ends_the_check()
    {
        IdempotencyReport report = await (_world.CheckOf(Good()) with { Reset = _ => Task.CompletedTask }).RunAsync();

        report.EndedEarly.Should().BeTrue();
        IdempotencyFault fault = report.Faults.Should().ContainSingle().Which;
        fault.Kind.Should().Be(IdempotencyFaultKind.ResetIncomplete);
        fault.Evidence.Should().Equal("+ first", "+ last");
    }

    [Fact]
    public async Task What_a_callback_throws_is_thrown()
    {
        IdempotencyCheck<string> check = _world.CheckOf(Good()) with { Reset = _ => throw new TimeoutException("the database is away") };

        await check.Invoking(it => it.RunAsync()).Should().ThrowAsync<TimeoutException>();
    }

    [Fact]
    public void A_deadline_is_more_than_zero() =>
        FluentActions.Invoking(() => _world.CheckOf(Good()) with { Deadline = TimeSpan.Zero }).Should().Throw<ArgumentOutOfRangeException>();

    private WorldSaga Good() => new(saga => _world.Good(saga, "last", _world.Good(saga, "first")));
}
