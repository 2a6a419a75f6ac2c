using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Sagas whose DAG depends on the parameters.</summary>
public sealed class DynamicSagaTests
{
    private static readonly SagaId Id = SagaId.NewAt(DateTimeOffset.UnixEpoch);

    private readonly InMemorySagaStore _store = new();

    [Fact]
    public async Task Each_saga_has_the_nodes_that_its_parameters_ask_for()
    {
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaResult three = await RunAsync(process, saga, "a", "b", "c");
        SagaResult none = await RunAsync(process, saga);

        SagaResult.Succeeded succeeded = three.Should().BeOfType<SagaResult.Succeeded>().Subject;
        succeeded.Output<string>("attach").Should().Be("a+b+c");
        succeeded.Output<string>("disk b").Should().Be("b");
        none.Should().BeOfType<SagaResult.Succeeded>().Which.Output<string>("attach").Should().BeEmpty();
        succeeded.Invoking(result => result.Output<string>("disk d")).Should().Throw<ArgumentException>().WithMessage("Node 'disk d' is not a node of this saga.*");
    }

    [Fact]
    public async Task A_saga_that_fails_undoes_the_nodes_of_its_parameters()
    {
        var saga = new DiskSaga { FailsToAttach = true };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaResult result = await RunAsync(process, saga, "a", "b");

        result.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be("attach");
        saga.Undone.Should().BeEquivalentTo("a", "b");
    }

    [Fact]
    public async Task Sagas_with_the_same_nodes_share_a_definition_and_others_do_not()
    {
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        await RunAsync(process, saga, "a", "b");
        await RunAsync(process, saga, "a", "b");
        await RunAsync(process, saga, "a");

        _store.Sagas.Select(stored => stored.Definition.Hash).Distinct().Should().HaveCount(2);
        _store.Sagas.Select(stored => stored.Definition.Name).Should().AllBe("disks");
    }

    [Fact]
    public async Task A_resumed_saga_continues_with_the_nodes_that_its_stored_parameters_ask_for()
    {
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        Put(process, saga, ["a", "b"], log: "0 Started, 0 Succeeded, 1 Started");

        SagaResult result = await process.ResumeToEndAsync(Id);

        saga.Created.Should().Equal(["b"], "disk a was created before");
        result.Should().BeOfType<SagaResult.Succeeded>().Which.Output<string>("attach").Should().Be("lost+b");
    }

    [Fact]
    public async Task A_saga_whose_code_has_changed_is_an_unknown_definition_and_the_difference_is_named()
    {
        var former = new DiskSaga();
        await using TestProcess before = await TestProcess.StartAsync(new InMemorySagaStore(), [former]);
        SavedDefinition stored = before.SavedDefinitionOf(former, Parameters("a", "b"));
        var changed = new DiskSaga { HasCheck = true, UndoesDisks = false };
        await using TestProcess process = await TestProcess.StartAsync(_store, [changed]);
        Put(Parameters("a", "b"), stored, log: "0 Started");

        ResumeOutcome outcome = await process.ResumeAsync(Id);

        outcome.Should().BeOfType<ResumeOutcome.UnknownDefinition>().Which.Missing.Should().Be(
            $"definition 'disks' version 1 ({stored.Hash.ToString()[..12]}…) is registered, but declares another DAG for the parameters of this saga: "
            + "node 'disk a' lost its undo, node 'disk b' lost its undo, node 'check' was added, "
            + "node 'attach' came after 'disk a' and 'disk b', and now comes after 'check' and 'disk a' and 'disk b'");
        process.Executor.Running.Should().Be(0);
    }

    [Fact]
    public async Task A_saga_of_another_version_is_an_unknown_definition()
    {
        var later = new DiskSaga { WithVersion = 2 };
        await using TestProcess next = await TestProcess.StartAsync(new InMemorySagaStore(), [later]);
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        Put(Parameters("a"), next.SavedDefinitionOf(later, Parameters("a")), log: "");

        ResumeOutcome outcome = await process.ResumeAsync(Id);

        outcome.Should().BeOfType<ResumeOutcome.UnknownDefinition>().Which.Missing.Should().EndWith("is not registered; registered: disks version 1");
    }

    [Fact]
    public async Task A_declaration_that_varies_is_refused_before_anything_is_started()
    {
        int call = 0;
        var saga = new DiskSaga { Names = disks => disks.Select(disk => $"{disk} {call++}") };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => RunAsync(process, saga, "a");

        (await start.Should().ThrowAsync<InvalidOperationException>()).WithMessage(
            "Saga 'disks' version 1 is not valid: it declares other nodes when Define is called again with the same parameters: *was added*");
        _store.Sagas.Should().BeEmpty();
        process.ReadInbox().Should().BeEmpty();
    }

    [Fact]
    public async Task Parameters_for_which_no_nodes_can_be_declared_are_refused_before_anything_is_started()
    {
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        Func<Task> start = () => RunAsync(process, saga, "a", "a");

        await start.Should().ThrowAsync<InvalidOperationException>().WithMessage("Saga 'disks' version 1 is not valid: node 'disk a' is declared twice.");
        _store.Sagas.Should().BeEmpty();
    }

    [Theory]
    [InlineData("{ nonsense", true)]
    [InlineData("""{"names":7}""", false)]
    public async Task Parameters_that_are_not_JSON_are_unrecoverable_and_those_of_another_type_may_be_read_by_another_binary(string parameters, bool isCorrupt)
    {
        var saga = new DiskSaga();
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        Put(Encoding.UTF8.GetBytes(parameters), process.SavedDefinitionOf(saga, Parameters("a")), log: "");

        Func<Task<ResumeOutcome>> resume = () => process.ResumeAsync(Id);

        if (isCorrupt)
        {
            (await resume()).Should().BeOfType<ResumeOutcome.Unrecoverable>().Which.Reason.Should().StartWith("the stored parameters are not valid JSON");
        }
        else
        {
            await resume.Should().ThrowAsync<JsonException>();
        }
    }

    [Fact]
    public void It_is_published_as_able_to_run_any_DAG_of_its_name_and_version()
    {
        var registry = new SagaRegistry([new RegisteredSaga(new DiskSaga()), new RegisteredSaga(new DiamondSaga())], Options.Create(new DurableExecutorOptions()));

        registry.Definitions.Select(definition => (definition.Name, definition.Version, definition.AnyDag))
            .Should().Equal(("disks", 1, true), ("diamond", 1, false));
    }

    [Fact]
    public void A_dynamic_saga_and_another_one_of_the_same_name_and_version_are_refused()
    {
        Action register = () => _ = new SagaRegistry(
            [new RegisteredSaga(new DiskSaga()), new RegisteredSaga(new TestSaga("disks", _ => { }))], Options.Create(new DurableExecutorOptions()));

        register.Should().Throw<InvalidOperationException>().WithMessage("Saga 'disks' version 1 is registered twice, by *DiskSaga and *TestSaga, with different nodes: raise the version of one, or register the former shape with AddFormerSaga.");
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Thousands_of_nodes_run_and_unwind(bool fails)
    {
        string[] disks = [.. Enumerable.Range(0, 2_000).Select(disk => $"{disk}")];
        var saga = new DiskSaga { FailsToAttach = fails };
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaResult result = await RunAsync(process, saga, disks);

        saga.Created.Order().Should().Equal(disks.Order());
        saga.Undone.Order().Should().Equal(fails ? disks.Order() : []);
        (result is SagaResult.Succeeded).Should().Be(!fails);
    }

    private static async Task<SagaResult> RunAsync(TestProcess process, DiskSaga saga, params string[] disks)
    {
        SagaHandle handle = await process.Client.StartAsync(saga, new Disks(disks));
        return await handle.Completion.Soon();
    }

    private static byte[] Parameters(params string[] disks) => JsonSerializer.SerializeToUtf8Bytes(new Disks(disks), JsonSerializerOptions.Web);

    private void Put(TestProcess process, DiskSaga saga, string[] disks, string log) =>
        Put(Parameters(disks), process.SavedDefinitionOf(saga, Parameters(disks)), log);

    private void Put(byte[] parameters, SavedDefinition definition, string log) => _store.Put(new StoredSaga
    {
        Id = Id,
        Definition = definition,
        Parameters = parameters,
        Owner = TestProcess.Me,
        State = SagaState.Running,
        Events = [.. Progress.TestShapes.Log(log).Select(one => one.Type == NodeEventType.Succeeded ? one with { Data = "\"lost\""u8.ToArray() } : one)],
    });

    private sealed record Disks(string[] Names);

    /// <summary>A node for each disk, and one that attaches them all.</summary>
    private sealed class DiskSaga : DynamicSaga<Disks>
    {
        public override string Name => "disks";

        public override int Version => WithVersion;

        public int WithVersion { get; init; } = 1;

        public bool FailsToAttach { get; init; }

        public bool HasCheck { get; init; }

        public bool UndoesDisks { get; init; } = true;

        public Func<IEnumerable<string>, IEnumerable<string>> Names { get; init; } = disks => disks;

        public ConcurrentQueue<string> Created { get; } = new();

        public ConcurrentQueue<string> Undone { get; } = new();

        protected internal override void Define(SagaBuilder<Disks> saga, Disks parameters)
        {
            SagaNode<string>[] disks =
            [
                .. Names(parameters.Names).Select(disk => saga.Node(
                    $"disk {disk}",
                    action: _ =>
                    {
                        Created.Enqueue(disk);
                        return Task.FromResult(disk);
                    },
                    undo: UndoesDisks ? UndoAsync : null)),
            ];
            SagaNode[] check = HasCheck ? [saga.Node("check", action: _ => Task.CompletedTask)] : [];
            saga.Node(
                "attach",
                action: node => FailsToAttach
                    ? throw new SagaActionException("full", "no slot is free")
                    : Task.FromResult(string.Join('+', disks.Select(node.Output))),
                after: [.. disks, .. check]);
        }

        private Task UndoAsync(NodeContext<Disks> node, string disk)
        {
            Undone.Enqueue(disk);
            return Task.CompletedTask;
        }
    }
}
