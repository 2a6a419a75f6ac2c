using SagaRecovery.Testing.Idempotency;
using static SagaRecovery.Testing.Tests.Idempotency.World;

namespace SagaRecovery.Testing.Tests.Idempotency;

/// <summary>Sagas with one or two faults: each fault is found, and only the node to blame is named.</summary>
public sealed class FaultySagaTests
{
    private readonly World _world = new();

    [Fact]
    public async Task An_action_that_inserts_again_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => _world.Add("row")), Does(() => RemoveAll("row")), first)));

        ShouldBe(fault, IdempotencyFaultKind.ActionNotIdempotent, "the action of 'bad' ran twice", "+ row");
        fault.Nodes.Should().Equal("bad");
    }

    [Fact]
    public async Task An_action_that_throws_on_its_second_run_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => InsertUnique("row")), Does(() => _world.Remove("row")), first)));

        ShouldBe(
            fault,
            IdempotencyFaultKind.ActionNotIdempotent,
            "the action of 'bad' ran twice",
            "action 'bad' failed: duplicate: There is a row.");
    }

    [Fact]
    public async Task An_undo_that_leaves_a_row_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => PutBoth("row", "forgotten")), Does(() => _world.Remove("row")), first)));

        ShouldBe(fault, IdempotencyFaultKind.LeftBehind, "'last' failed", "+ forgotten");
        fault.Message.Should().Be("undo of 'bad' does not reverse all effects of its action");
    }

    [Fact]
    public async Task A_node_without_an_undo_that_needs_one_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => _world.Put("row")), undo: null, after: first)));

        ShouldBe(fault, IdempotencyFaultKind.LeftBehind, "'last' failed", "+ row");
        fault.Message.Should().Be("'bad' has no undo, but its action has an effect");
    }

    [Fact]
    public async Task An_undo_that_throws_on_its_second_run_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => _world.Put("row")), Does(() => DeleteExisting("row")), first)));

        ShouldBe(
            fault,
            IdempotencyFaultKind.UndoNotIdempotent,
            "'last' failed and the undo of 'bad' ran twice",
            "undo of 'bad' failed: missing: There is no row.");
    }

    [Fact]
    public async Task An_undo_that_takes_anothers_row_when_it_is_repeated_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => _world.Put("row")), Does(() => _ = _world.Remove("row") || _world.Remove("another's row")), first)));

        ShouldBe(fault, IdempotencyFaultKind.UndoNotIdempotent, "'last' failed and the undo of 'bad' ran twice", "- another's row");
    }

    [Fact]
    public async Task An_undo_that_needs_the_output_of_an_action_without_a_definite_answer_is_named()
    {
        var uncertain = new NodePolicy { UndoAfterFailure = true };
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) => saga.Node(
            "bad",
            uncertain,
            _ =>
            {
                _world.Put("row");
                return Task.FromResult("row");
            },
            (_, row) =>
            {
                _world.Remove(row);
                return Task.CompletedTask;
            },
            first)));

        ShouldBe(fault, IdempotencyFaultKind.UndoAfterFailure, "'bad' failed without a definite answer, and had taken effect", "+ row");
        fault.Nodes.Should().Equal("bad");
    }

    [Fact]
    public async Task An_undo_that_throws_at_once_is_named()
    {
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => _world.Put("row")), Does(() => DeleteExisting("other row")), first)));

        ShouldBe(fault, IdempotencyFaultKind.UndoFailed, "'last' failed", "undo of 'bad' failed: missing: There is no other row.");
    }

    [Fact]
    public async Task An_action_that_makes_an_id_of_its_own_each_time_is_named()
    {
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) =>
        {
            return saga.Node("bad", MakeAsync, (_, id) => Does(() => _world.Remove($"thing {id}"))(null!), first);

            Task<Guid> MakeAsync(NodeContext<string> context)
            {
                var id = Guid.NewGuid();
                _world.Add($"thing {id}");
                return Task.FromResult(id);
            }
        }));

        report.Faults.Select(fault => fault.Kind)
            .Should().Equal(IdempotencyFaultKind.StateVaries, IdempotencyFaultKind.ActionNotIdempotent);
        report.Faults[0].Evidence.Should().Contain(line => line.StartsWith("'bad' returned ", StringComparison.Ordinal));
        report.Faults[1].Nodes.Should().Equal("bad");
    }

    [Fact]
    public async Task An_action_whose_second_thing_only_the_undo_does_not_know_of_is_named()
    {
        int made = 0;
        IdempotencyFault fault = await OnlyFaultOf(_world.Chain((saga, first) =>
        {
            // A second run makes a second thing; 'tidy' removes it again, so that the end is the same where nothing fails.
            SagaNode<string> bad = saga.Node("bad", MakeAsync, (_, thing) => Does(() => _world.Remove(thing))(null!), first);
            return saga.Node("tidy", Does(() => KeepOneThing()), undo: null, after: bad);

            Task<string> MakeAsync(NodeContext<string> context)
            {
                string thing = _world.Rows.Contains("thing 1") ? "thing 2" : "thing 1";
                made++;
                _world.Put(thing);
                return Task.FromResult(thing);
            }
        }));

        made.Should().BePositive();
        fault.Kind.Should().Be(IdempotencyFaultKind.ActionNotIdempotent);
        fault.Nodes.Should().Equal("bad");
        fault.Run.Should().StartWith("the action of 'bad' ran twice and ");

        void KeepOneThing()
        {
            _world.Remove("thing 2");
            _world.Put("thing 1");
        }
    }

    [Theory]
    [InlineData("left")]
    [InlineData("right")]
    public async Task A_fault_in_one_branch_is_not_blamed_on_the_other(string faulty)
    {
        IdempotencyFault fault = await OnlyFaultOf(Diamond(faulty));

        fault.Kind.Should().Be(IdempotencyFaultKind.LeftBehind);
        fault.Nodes.Should().Equal(faulty);
        fault.Evidence.Should().Equal($"+ {faulty}");
    }

    [Fact]
    public async Task Two_faults_are_two_faults()
    {
        IdempotencyReport report = await _world.CheckAsync(Diamond("left", "bottom"));

        report.Faults.Should().HaveCount(2).And.OnlyContain(fault => fault.Kind == IdempotencyFaultKind.LeftBehind);
        report.Faults.SelectMany(fault => fault.Nodes).Should().BeEquivalentTo("left", "bottom");
    }

    [Fact]
    public async Task An_action_that_fails_unasked_ends_the_check()
    {
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) =>
            saga.Node("bad", Does(() => DeleteExisting("row")), undo: null, after: first)));

        report.EndedEarly.Should().BeTrue();
        report.Runs.Should().ContainSingle();
        ShouldBe(
            report.Faults.Should().ContainSingle().Which,
            IdempotencyFaultKind.ActionFailed,
            "no fault was injected",
            "action 'bad' failed: missing: There is no row.");
    }

    [Fact]
    public async Task An_output_that_is_no_json_is_blamed_on_its_action()
    {
        IdempotencyReport report = await _world.CheckAsync(_world.Chain((saga, first) =>
            saga.Node("bad", _ => Task.FromResult(typeof(World)), undo: null, after: first)));

        report.EndedEarly.Should().BeTrue();
        IdempotencyFault fault = report.Faults.Should().ContainSingle().Which;
        fault.Kind.Should().Be(IdempotencyFaultKind.ActionFailed);
        fault.Nodes.Should().Equal("bad");
        fault.Evidence.Should().ContainSingle().Which.Should().Contain("cannot be serialized to JSON");
    }

    private async Task<IdempotencyFault> OnlyFaultOf(WorldSaga saga)
    {
        IdempotencyReport report = await _world.CheckAsync(saga);
        report.EndedEarly.Should().BeFalse();
        return report.Faults.Should().ContainSingle(report.ToString()).Which;
    }

    private static void ShouldBe(IdempotencyFault fault, IdempotencyFaultKind kind, string run, string evidence)
    {
        fault.Kind.Should().Be(kind, fault.ToString());
        fault.Nodes.Should().Equal("bad");
        fault.Run.Should().Be(run);
        fault.Evidence.Should().Equal(evidence);
    }

    /// <summary><c>top ─► left, right ─► bottom ─► last</c>; the undos of some do nothing.</summary>
    private WorldSaga Diamond(params string[] faulty) => new(saga =>
    {
        SagaNode top = Node("top");
        SagaNode bottom = Node("bottom", Node("left", top), Node("right", top));
        Node("last", bottom);

        SagaNode Node(string name, params SagaNode[] after) =>
            faulty.Contains(name) ? saga.Node(name, Does(() => _world.Put(name)), Does(() => { }), after) : _world.Good(saga, name, after);
    });

    private void PutBoth(string one, string other)
    {
        _world.Put(one);
        _world.Put(other);
    }

    private void RemoveAll(string row)
    {
        while (_world.Remove(row))
        {
        }
    }

    private void InsertUnique(string row)
    {
        if (_world.Rows.Contains(row))
        {
            throw new SagaActionException("duplicate", $"There is a {row}.");
        }

        _world.Put(row);
    }

    private void DeleteExisting(string row)
    {
        if (!_world.Remove(row))
        {
            throw new SagaActionException("missing", $"There is no {row}.");
        }
    }
}
