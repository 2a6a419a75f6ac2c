using System.Collections.Concurrent;
using System.Text;
using Microsoft.Extensions.Options;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Storage;
using SagaRecovery.Testing;

namespace SagaRecovery.Executor.Tests;

/// <summary>Sagas whose nodes are part of another saga.</summary>
public sealed class SubsagaTests
{
    private static readonly SagaId Id = SagaId.NewAt(DateTimeOffset.UnixEpoch);

    private readonly InMemorySagaStore _store = new();
    private readonly ConcurrentQueue<string> _log = new();

    [Fact]
    public async Task The_nodes_of_a_subsaga_run_between_the_nodes_around_it_with_parameters_from_outputs()
    {
        var copy = new CopySaga(_log);
        var saga = new TestSaga("around", builder =>
        {
            SagaNode<string> before = builder.Node("before", node => LogAsync("before", node.Parameters + "!"));
            Subsaga inner = builder.Subsaga("inner", copy, node => new Copy(node.Output(before), 2), after: before);
            builder.Node("after", node => LogAsync("after", node.Output(inner.Node(copy.Written))), after: inner);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "text");

        SagaResult.Succeeded succeeded = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Subject;
        succeeded.Output<string>("after").Should().Be("text!text!");
        succeeded.Output<string>("inner/write").Should().Be("text!text!");
        succeeded.Output<Copy>("inner").Should().Be(new Copy("text!", 2));
        _log.Should().Equal("before", "read text!", "write text!text!", "after");
    }

    [Fact]
    public async Task One_saga_added_twice_runs_twice_with_its_own_parameters_outputs_and_keys()
    {
        var copy = new CopySaga(_log);
        Subsaga left = null!, right = null!;
        var saga = new TestSaga("twice", builder =>
        {
            left = builder.Subsaga("left", copy, _ => new Copy("l", 1));
            right = builder.Subsaga("right", copy, _ => new Copy("r", 3), after: left);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "");

        SagaResult.Succeeded succeeded = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Subject;
        succeeded.Output(left.Node(copy.Written)).Should().Be("l");
        succeeded.Output(right.Node(copy.Written)).Should().Be("rrr");
        copy.Keys.Should().HaveCount(4).And.OnlyHaveUniqueItems();
        left.Invoking(subsaga => subsaga.Node<string>("stranger")).Should().Throw<ArgumentException>();
        left.Invoking(subsaga => subsaga.Node(new SagaNode<string>(7, "stranger"))).Should().Throw<ArgumentException>()
            .WithMessage("Node 'stranger' is not a node of subsaga 'left'.*");
    }

    [Fact]
    public async Task A_later_failure_unwinds_the_subsaga_and_an_inner_failure_unwinds_what_came_before()
    {
        var copy = new CopySaga(_log);
        var late = new TestSaga("late", builder =>
        {
            Subsaga inner = builder.Subsaga("inner", copy, _ => new Copy("x", 1));
            builder.Node("fail", Fail, after: inner);
        });
        var early = new TestSaga("early", builder =>
        {
            SagaNode<string> first = builder.Node("first", _ => Task.FromResult("f"), undo: (_, output) => LogAsync($"undo first {output}", ""));
            builder.Subsaga("inner", new FailingSaga(), _ => 1, after: first);
        });
        await using TestProcess process = await TestProcess.StartAsync(_store, [late, early]);

        SagaResult lateResult = await (await process.Client.StartAsync(late, "")).Completion.Soon();
        SagaResult earlyResult = await (await process.Client.StartAsync(early, "")).Completion.Soon();

        lateResult.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be("fail");
        earlyResult.Should().BeOfType<SagaResult.Unwound>().Which.FailedNode.Should().Be("inner/second");
        _log.Should().Equal("read x", "write x", "undo write x of x", "undo read x", "undo first f");
    }

    [Fact]
    public async Task A_subsaga_of_a_subsaga_has_a_path_and_its_outputs_are_read_through_both()
    {
        var copy = new CopySaga(_log);
        var middle = new MiddleSaga(copy);
        Subsaga outer = null!;
        var saga = new TestSaga("deep", builder => outer = builder.Subsaga("middle", middle, node => node.Parameters));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "d");

        SagaResult.Succeeded succeeded = (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Subject;
        succeeded.Output(outer.Node(middle.Inner.Node(copy.Written))).Should().Be("dd");
        succeeded.Output<string>("middle/last").Should().Be("<dd>");
        copy.Names.Should().Equal(["read", "write"], "the code of a saga sees its own names");
        _store.Sagas.Single().Events.Should().HaveCount(2 * 5);
    }

    [Fact]
    public async Task A_dynamic_subsaga_gets_its_parameters_when_the_nodes_are_declared()
    {
        var words = new WordsSaga();
        var saga = new SplitSaga(words);
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);

        SagaHandle handle = await process.Client.StartAsync(saga, "a b c");

        (await handle.Completion.Soon()).Should().BeOfType<SagaResult.Succeeded>().Which.Output<string>("join").Should().Be("A+B+C");
    }

    [Theory]
    [InlineData(0, "read x, write x")]
    [InlineData(2, "read x, write x")]
    [InlineData(3, "read x, write x")]
    [InlineData(4, "write x")]
    [InlineData(6, "")]
    public async Task A_resumed_saga_continues_within_its_subsaga(int kept, string expected)
    {
        var copy = new CopySaga(_log);
        var saga = new TestSaga("resumed", builder => builder.Subsaga("inner", copy, _ => new Copy("x", 1)));
        await using TestProcess process = await TestProcess.StartAsync(_store, [saga]);
        SavedNodeEvent[] log =
        [
            Event(0, NodeEventType.Started), Event(0, NodeEventType.Succeeded, """{"text":"x","times":1}"""),
            Event(1, NodeEventType.Started), Event(1, NodeEventType.Succeeded, "\"x\""),
            Event(2, NodeEventType.Started), Event(2, NodeEventType.Succeeded, "\"x\""),
        ];
        _store.Put(new StoredSaga
        {
            Id = Id, Definition = process.SavedDefinitionOf(saga), Parameters = "\"\""u8.ToArray(), Owner = TestProcess.Me, Events = [.. log.Take(kept)],
        });

        SagaResult result = await process.ResumeToEndAsync(Id);

        result.Should().BeOfType<SagaResult.Succeeded>().Which.Output<string>("inner/write").Should().Be("x");
        string.Join(", ", _log).Should().Be(expected);
    }

    [Fact]
    public void The_stored_DAG_names_the_subsaga_and_its_version()
    {
        var saga = new TestSaga("outer", builder => builder.Subsaga("inner", new CopySaga(_log), _ => new Copy("", 1)));
        var newer = new TestSaga("outer", builder => builder.Subsaga("inner", new CopySaga(_log, version: 2), _ => new Copy("", 1)));

        SagaDefinition definition = DefinitionOf(saga);
        SagaDefinition changed = DefinitionOf(newer);

        Encoding.UTF8.GetString(definition.Saved.Dag.Span).Should().Be(
            """{"name":"outer","version":1,"nodes":[{"id":0,"name":"inner","undo":false,"after":[],"subsaga":{"name":"copy","version":1}},"""
            + """{"id":1,"name":"inner/read","undo":true,"after":[0]},{"id":2,"name":"inner/write","undo":true,"after":[1]}]}""");
        changed.Saved.Hash.Should().NotBe(definition.Saved.Hash);
        ShapeDifference.Describe(definition.Saved.Dag, changed.Shape).Should().Be(
            "node 'inner' was subsaga 'copy' version 1, and now is subsaga 'copy' version 2");
        SagaShape.TryRead(definition.Saved.Dag)!.SubsagaOf(0).Should().Be(new SubsagaReference("copy", 1));
    }

    [Fact]
    public void What_comes_after_a_subsaga_comes_after_all_its_last_nodes()
    {
        var saga = new TestSaga("outer", builder =>
        {
            Subsaga inner = builder.Subsaga("inner", new ForkSaga(), _ => 1);
            builder.Node("end", _ => Task.CompletedTask, after: inner);
        });

        SagaShape shape = DefinitionOf(saga).Shape;

        shape.ParentsOf(4).ToArray().Should().Equal(2, 3);
        shape.ComesAfter(4, 0).Should().BeTrue();
        shape.ParentsOf(2).ToArray().Should().Equal(1);
        shape.ParentsOf(1).ToArray().Should().Equal(0);
    }

    [Fact]
    public void A_node_may_come_after_a_single_node_of_a_subsaga_and_not_after_one_of_another_saga()
    {
        var copy = new CopySaga(_log);
        var saga = new TestSaga("outer", builder =>
        {
            Subsaga inner = builder.Subsaga("inner", copy, _ => new Copy("", 1));
            builder.Node("next", _ => Task.CompletedTask, after: inner.Node<string>("read"));
        });

        DefinitionOf(saga).Shape.ParentsOf(3).ToArray().Should().Equal(1);
        Refused(
            new TestSaga("bad", builder =>
            {
                builder.Subsaga("inner", copy, _ => new Copy("", 1));
                builder.Node("next", _ => Task.CompletedTask, after: copy.Written);
            }),
            "Saga 'bad' version 1 is not valid: node 'next' comes after node 'write', which is not a node of this saga.");
    }

    [Fact]
    public void A_slash_in_a_name_is_refused_only_beside_subsagas()
    {
        DefinitionOf(new TestSaga("old", builder => builder.Node("a/b", _ => Task.CompletedTask))).Shape.Count.Should().Be(1);
        Refused(
            new TestSaga("bad", builder =>
            {
                builder.Node("a/b", _ => Task.CompletedTask);
                builder.Subsaga("a", new CopySaga(_log), _ => new Copy("", 1));
            }),
            "Saga 'bad' version 1 is not valid: the name of node 'a/b' contains a slash*");
    }

    [Fact]
    public void A_saga_that_contains_itself_is_refused() => Refused(
        new SelfSaga(), "Saga 'self' version 1 is not valid: its subsaga 'self' version 1 contains itself.");

    [Fact]
    public void Subsagas_without_end_are_refused() => Refused(
        new TestSaga("endless", builder => builder.Subsaga("down", new EndlessSaga(), 1)), "*more than 32 subsagas contain each other.");

    [Fact]
    public void Subsagas_that_multiply_are_refused() => Refused(
        new TestSaga("many", builder => builder.Subsaga("down", new DoublingSaga(), 25)), "*it has more than 100,000 nodes.");

    [Fact]
    public void A_dynamic_subsaga_with_a_function_is_refused() => Refused(
        new TestSaga("bad", builder => builder.Subsaga("words", (Saga<string>)new WordsSaga(), _ => "a")),
        "Saga 'bad' version 1 (*) could not declare its nodes: The nodes of saga 'words' version 1 depend on its parameters: pass the parameters, not a function.*");

    [Theory]
    [InlineData("a/b", "Saga 'bad' version 1 is not valid: the name of node 'a/b' contains a slash, which separates the names of subsagas and nodes.")]
    [InlineData("first", "Saga 'bad' version 1 is not valid: node 'first' is declared twice.")]
    [InlineData(" ", "Saga 'bad' version 1 is not valid: node 1 has no name.")]
    public void A_bad_name_of_a_subsaga_is_refused(string name, string message) => Refused(
        new TestSaga("bad", builder =>
        {
            builder.Node("first", _ => Task.CompletedTask);
            builder.Subsaga(name, new CopySaga(_log), _ => new Copy("", 1));
        }),
        message);

    [Fact]
    public void A_subsaga_without_nodes_is_refused() => Refused(
        new TestSaga("bad", builder => builder.Subsaga("none", new TestSaga("empty", _ => { }), _ => "")),
        "Saga 'bad' version 1 is not valid: subsaga 'none' has no nodes.");

    private static SagaDefinition DefinitionOf(Saga saga) => new SagaRegistry([new RegisteredSaga(saga)], Options.Create(new DurableExecutorOptions())).Get(saga, default);

    private static void Refused(Saga saga, string message)
    {
        Action register = () => DefinitionOf(saga);
        register.Should().Throw<InvalidOperationException>().WithMessage(message);
    }

    private static SavedNodeEvent Event(int node, NodeEventType type, string? json = null) =>
        new(node, type, json is null ? default(ReadOnlyMemory<byte>) : Encoding.UTF8.GetBytes(json));

    private static Task Fail(NodeContext<string> node) => throw new SagaActionException("broken", $"{node.NodeName} is broken");

    private Task<string> LogAsync(string what, string output)
    {
        _log.Enqueue(what);
        return Task.FromResult(output);
    }

    private sealed record Copy(string Text, int Times);

    /// <summary>Two nodes, of which the second reads the output of the first.</summary>
    private sealed class CopySaga(ConcurrentQueue<string> log, int version = 1) : Saga<Copy>
    {
        public override string Name => "copy";

        public override int Version => version;

        public SagaNode<string> Written { get; private set; } = null!;

        public ConcurrentQueue<Guid> Keys { get; } = new();

        public ConcurrentQueue<string> Names { get; } = new();

        protected internal override void Define(SagaBuilder<Copy> saga)
        {
            SagaNode<string> read = saga.Node("read", node => Log(node, node.Parameters.Text), undo: (node, text) => Undo(node, text));
            Written = saga.Node(
                "write",
                node => Log(node, string.Concat(Enumerable.Repeat(node.Output(read), node.Parameters.Times))),
                undo: (node, text) => Undo(node, $"{text} of {node.Output(read)}"),
                after: read);
        }

        private Task<string> Log(NodeContext<Copy> node, string output)
        {
            log.Enqueue($"{node.NodeName} {output}");
            Keys.Enqueue(node.IdempotencyKey);
            Names.Enqueue(node.NodeName);
            return Task.FromResult(output);
        }

        private Task Undo(NodeContext<Copy> node, string what)
        {
            node.ActionIdempotencyKey.Should().Be(Keys.Single(key => key == node.ActionIdempotencyKey));
            log.Enqueue($"undo {node.NodeName} {what}");
            return Task.CompletedTask;
        }
    }

    private sealed class MiddleSaga(CopySaga copy) : Saga<string>
    {
        public override string Name => "middle";

        public Subsaga Inner { get; private set; } = null!;

        protected internal override void Define(SagaBuilder<string> saga)
        {
            Inner = saga.Subsaga("copy", copy, node => new Copy(node.Parameters, 2));
            saga.Node("last", node => Task.FromResult($"<{node.Output(Inner.Node(copy.Written))}>"), after: Inner);
        }
    }

    private sealed class FailingSaga : Saga<int>
    {
        public override string Name => "failing";

        protected internal override void Define(SagaBuilder<int> saga)
        {
            SagaNode first = saga.Node("first", _ => Task.CompletedTask);
            saga.Node("second", _ => throw new SagaActionException("broken", "it is broken"), after: first);
        }
    }

    private sealed class ForkSaga : Saga<int>
    {
        public override string Name => "fork";

        protected internal override void Define(SagaBuilder<int> saga)
        {
            SagaNode first = saga.Node("first", _ => Task.CompletedTask);
            saga.Node("left", _ => Task.CompletedTask, after: first);
            saga.Node("right", _ => Task.CompletedTask, after: first);
        }
    }

    private sealed class SelfSaga : Saga<int>
    {
        public override string Name => "self";

        protected internal override void Define(SagaBuilder<int> saga) => saga.Subsaga("again", this, node => node.Parameters);
    }

    private sealed class EndlessSaga : DynamicSaga<int>
    {
        public override string Name => "endless";

        protected internal override void Define(SagaBuilder<int> saga, int parameters) => saga.Subsaga("down", this, parameters + 1);
    }

    private sealed class DoublingSaga : DynamicSaga<int>
    {
        public override string Name => "doubling";

        protected internal override void Define(SagaBuilder<int> saga, int parameters)
        {
            if (parameters == 0)
            {
                saga.Node("end", _ => Task.CompletedTask);
                return;
            }

            saga.Subsaga("left", this, parameters - 1);
            saga.Subsaga("right", this, parameters - 1);
        }
    }

    private sealed class WordsSaga : DynamicSaga<string>
    {
        public override string Name => "words";

        protected internal override void Define(SagaBuilder<string> saga, string parameters)
        {
            foreach (string word in parameters.Split(' '))
            {
                saga.Node($"word {word}", _ => Task.FromResult(word.ToUpperInvariant()));
            }
        }
    }

    private sealed class SplitSaga(WordsSaga words) : DynamicSaga<string>
    {
        public override string Name => "split";

        protected internal override void Define(SagaBuilder<string> saga, string parameters)
        {
            Subsaga all = saga.Subsaga("words", words, parameters);
            saga.Node("join", node => Task.FromResult(string.Join('+', parameters.Split(' ').Select(word =>
                node.Output(all.Node<string>($"word {word}"))))), after: all);
        }
    }
}
