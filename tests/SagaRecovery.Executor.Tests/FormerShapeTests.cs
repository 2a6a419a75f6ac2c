using Microsoft.Extensions.Options;
using SagaRecovery.Execution;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Former shapes of a saga beside its present one, under the same name and version.</summary>
public sealed class FormerShapeTests
{
    private static readonly SagaId Id = SagaId.NewAt(DateTimeOffset.UnixEpoch);

    private readonly InMemorySagaStore _store = new();
    private readonly List<string> _ran = [];

    [Fact]
    public async Task Unfinished_sagas_of_a_former_shape_run_its_code_and_new_ones_that_of_the_present_shape()
    {
        Saga<string> present = Order("a", "b");
        Saga<string> former = Order("a");
        await using TestProcess process = await TestProcess.StartAsync(_store, [present], formers: [former]);
        Put(Define(former));

        SagaResult resumed = await process.ResumeToEndAsync(Id);
        SagaHandle started = await process.Client.StartAsync(present, "");
        await started.Completion.Soon();

        resumed.Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("a of 1", "a of 2", "b of 2");
    }

    [Fact]
    public async Task Several_former_shapes_are_registered_in_any_order_and_each_saga_finds_its_own()
    {
        Saga<string>[] formers = [Order("a", "c"), Order("b", "c", "d"), Order("c")];
        await using TestProcess process = await TestProcess.StartAsync(_store, [Order("a", "b")], formers: formers);
        Put(Define(formers[1]));

        await process.ResumeToEndAsync(Id);

        _ran.Should().Equal("b of 3", "c of 3", "d of 3");
    }

    [Fact]
    public async Task A_former_shape_is_not_started()
    {
        Saga<string> present = Order("a", "b");
        Saga<string> former = Order("a");
        await using TestProcess process = await TestProcess.StartAsync(_store, [present], formers: [former]);

        Func<Task> start = () => process.Client.StartAsync(former, "");

        (await start.Should().ThrowAsync<ArgumentException>()).WithMessage(
            $"Saga 'order' version 1 was not started: {typeof(TestSaga)} is registered as a former shape (AddFormerSaga), which is only resumed. Start {typeof(TestSaga)}.*");
        _store.Sagas.Should().BeEmpty();
        process.ReadInbox().Should().BeEmpty();
    }

    [Fact]
    public async Task A_version_of_which_no_saga_may_start_is_registered_as_a_former_shape_alone()
    {
        Saga<string> first = Order("a");
        await using TestProcess process = await TestProcess.StartAsync(_store, [], formers: [first]);
        Put(Define(first));

        SagaResult resumed = await process.ResumeToEndAsync(Id);
        Func<Task> start = () => process.Client.StartAsync(first, "");

        resumed.Should().BeOfType<SagaResult.Succeeded>();
        (await start.Should().ThrowAsync<ArgumentException>()).WithMessage("*which is only resumed. Start a saga of its present version.*");
    }

    [Fact]
    public void A_former_shape_with_the_nodes_of_another_registered_one_is_refused()
    {
        Action asPresent = () => Register([Order("a")], formers: [Order("a")]);
        Action asFormer = () => Register([Order("a")], formers: [Order("b"), Order("b")]);
        Action dynamicTwice = () => Register([], formers: [new Disks(), new Disks()]);

        asPresent.Should().Throw<InvalidOperationException>().WithMessage(
            $"The former shape of saga 'order' version 1 that {typeof(TestSaga)} declares has the same nodes as the present one of {typeof(TestSaga)}: remove one of the two registrations.");
        asFormer.Should().Throw<InvalidOperationException>().WithMessage("*has the same nodes as the former one of*");
        dynamicTwice.Should().Throw<InvalidOperationException>().WithMessage("*has the same nodes as the former one of*");
    }

    [Fact]
    public void A_process_publishes_its_former_shapes_and_one_entry_for_all_that_depend_on_parameters()
    {
        SagaRegistry registry = Register([Order("a", "b"), new DisksAndCheck()], formers: [Order("a"), new Disks()]);

        registry.Definitions.Should().HaveCount(3);
        registry.Definitions.Should().ContainEquivalentOf(new RunnableDefinition(Define(Order("a")).Hash, "order", 1) { IsFormer = true });
        registry.Definitions.Should().ContainEquivalentOf(new RunnableDefinition(Define(Order("a", "b")).Hash, "order", 1));
        registry.Definitions.Where(one => one.AnyDag).Should().ContainSingle().Which.IsFormer.Should().BeFalse();
    }

    [Fact]
    public async Task A_saga_whose_nodes_depend_on_parameters_runs_with_the_first_shape_that_has_the_stored_nodes()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [new DisksAndCheck { Ran = _ran }], formers: [new Disks { Ran = _ran }]);
        Put(await DefineAsync(new Disks(), "[\"x\"]"), "[\"x\"]");

        SagaResult result = await process.ResumeToEndAsync(Id);

        result.Should().BeOfType<SagaResult.Succeeded>();
        _ran.Should().Equal("disk x of Disks");
    }

    [Fact]
    public async Task A_former_shape_is_found_although_the_present_one_cannot_read_the_parameters()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [new CountedDisks()], formers: [new Disks { Ran = _ran }]);
        Put(await DefineAsync(new Disks(), "[\"x\"]"), "[\"x\"]");

        await process.ResumeToEndAsync(Id);

        _ran.Should().Equal("disk x of Disks");
    }

    [Fact]
    public async Task The_error_of_the_present_shape_counts_if_no_former_shape_is_the_stored_one()
    {
        await using TestProcess process = await TestProcess.StartAsync(_store, [new CountedDisks()], formers: [new DisksAndCheck()]);
        Put(await DefineAsync(new Disks(), "[\"x\"]"), "[\"x\"]");

        Func<Task> resume = () => process.ResumeAsync(Id);

        await resume.Should().ThrowAsync<System.Text.Json.JsonException>("a later attempt may succeed");
    }

    [Fact]
    public async Task A_definition_that_is_missing_under_its_version_is_described_by_its_difference()
    {
        SavedDefinition stored = Define(Order("a"));
        await using TestProcess process = await TestProcess.StartAsync(_store, [Order("a", "b")]);
        Put(stored);

        ResumeOutcome outcome = await process.ResumeAsync(Id);

        outcome.Should().BeOfType<ResumeOutcome.UnknownDefinition>().Which.Missing.Should().EndWith("; node 'b' was added, and the version was not raised");
        process.Executor.DescribeChange(stored).Should().Be("node 'b' was added");
        process.Executor.DescribeChange(Define(Order("a", version: 2))).Should().BeNull();
    }

    private TestSaga Order(params string[] nodes) => Order(nodes, version: 1);

    private TestSaga Order(string node, int version) => Order([node], version);

    /// <summary>A saga that runs the nodes one after the other.</summary>
    private TestSaga Order(string[] nodes, int version) => new(
        "order",
        saga =>
        {
            SagaNode[] before = [];
            foreach (string node in nodes)
            {
                before = [saga.Node(node, _ => RunAsync($"{node} of {nodes.Length}"), after: before)];
            }
        },
        version);

    private Task RunAsync(string step)
    {
        _ran.Add(step);
        return Task.CompletedTask;
    }

    private void Put(SavedDefinition definition, string parameters = "\"\"") => _store.Put(new StoredSaga
    {
        Id = Id,
        Definition = definition,
        Parameters = System.Text.Encoding.UTF8.GetBytes(parameters),
        Owner = TestProcess.Me,
    });

    private static SavedDefinition Define(Saga saga) => Register([saga], formers: []).Get(saga, default).Saved;

    private static async Task<SavedDefinition> DefineAsync(Saga saga, string parameters)
    {
        await using TestProcess process = await TestProcess.StartAsync(new InMemorySagaStore(), [saga]);
        return process.SavedDefinitionOf(saga, System.Text.Encoding.UTF8.GetBytes(parameters));
    }

    private static SagaRegistry Register(Saga[] sagas, Saga[] formers) => new(
        [.. formers.Select(saga => new RegisteredSaga(saga) { IsFormer = true }), .. sagas.Select(saga => new RegisteredSaga(saga))],
        Options.Create(new DurableExecutorOptions()));

    private class Disks : DynamicSaga<string[]>
    {
        public List<string> Ran { get; init; } = [];

        public override string Name => "disks";

        protected internal override void Define(SagaBuilder<string[]> saga, string[] parameters)
        {
            foreach (string disk in parameters)
            {
                saga.Node($"disk {disk}", _ =>
                {
                    Ran.Add($"disk {disk} of {GetType().Name}");
                    return Task.CompletedTask;
                });
            }
        }
    }

    private sealed class DisksAndCheck : Disks
    {
        protected internal override void Define(SagaBuilder<string[]> saga, string[] parameters)
        {
            base.Define(saga, parameters);
            saga.Node("check", _ => Task.CompletedTask);
        }
    }

    /// <summary>The same saga with parameters of another type.</summary>
    private sealed class CountedDisks : DynamicSaga<int>
    {
        public override string Name => "disks";

        protected internal override void Define(SagaBuilder<int> saga, int parameters) => saga.Node("count", _ => Task.CompletedTask);
    }
}
