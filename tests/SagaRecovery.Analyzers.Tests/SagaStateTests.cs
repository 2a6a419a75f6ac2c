using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA001.</summary>
public sealed class SagaStateTests
{
    [Theory]
    [InlineData("private int {|SAGA001:_state|};", "_state = 1;")]
    [InlineData("private int {|SAGA001:_state|};", "_state += 1;")]
    [InlineData("private int {|SAGA001:_state|};", "_state++;")]
    [InlineData("private string? {|SAGA001:_state|};", "_state ??= context.Parameters.Name;")]
    [InlineData("private int {|SAGA001:_state|};", "Interlocked.Increment(ref _state);")]
    [InlineData("private int {|SAGA001:_state|};", "int.TryParse(\"1\", out _state);")]
    [InlineData("private int {|SAGA001:_state|};", "(_state, _) = (1, 2);")]
    [InlineData("private (int A, int B) {|SAGA001:_state|};", "_state.A = 1;")]
    [InlineData("private int {|SAGA001:State|} { get; set; }", "State = 1;")]
    [InlineData("private readonly int[] {|SAGA001:_state|} = [0];", "_state[0] = 1;")]
    [InlineData("private readonly List<int> {|SAGA001:_state|} = [];", "_state.Add(1);")]
    [InlineData("private readonly List<int> {|SAGA001:_state|} = [0];", "_state[0]++;")]
    [InlineData("private List<int> {|SAGA001:State|} { get; } = [];", "State.Add(1);")]
    [InlineData("private readonly IDictionary<int, int> {|SAGA001:_state|} = new Dictionary<int, int>();", "_state[0] = 1;")]
    [InlineData("private readonly HashSet<int> {|SAGA001:_state|} = [];", "_state.Remove(1);")]
    [InlineData("private readonly Queue<int> {|SAGA001:_state|} = [];", "_state.Enqueue(1);")]
    [InlineData("private readonly Stack<int> {|SAGA001:_state|} = [];", "_state.Push(1);")]
    [InlineData("private readonly System.Text.StringBuilder {|SAGA001:_state|} = new();", "_state.Append(1);")]
    [InlineData("private readonly ConcurrentDictionary<int, int> {|SAGA001:_state|} = [];", "_state.TryAdd(1, 1);")]
    [InlineData("private readonly ConcurrentBag<int> {|SAGA001:_state|} = [];", "_state.Add(1);")]
    [InlineData("private readonly ConcurrentQueue<int> {|SAGA001:_state|} = [];", "_state.TryDequeue(out _);")]
    public Task A_member_that_an_action_changes_is_state(string member, string change) =>
        ReportsAsync<SagaStateAnalyzer>(WithAction(member, change));

    [Theory]
    [InlineData("private readonly int _state = 1;", "int other = _state;")]
    [InlineData("private int Level { get; init; } = 1;", "int other = Level;")]
    [InlineData("private readonly List<int> _sizes = [1];", "bool any = _sizes.Contains(1);")]
    [InlineData("private readonly Dictionary<int, int> _sizes = [];", "int size = _sizes[1];")]
    [InlineData("private readonly SemaphoreSlim _one = new(1);", "_one.Release();")]
    [InlineData("private readonly object _lock = new();", "lock (_lock) { }")]
    [InlineData("", "int state = 0; state++; List<int> list = []; list.Add(state);")]
    [InlineData("private static int Twice(int number) { number *= 2; return number; }", "Twice(1);")]
    public Task What_an_action_only_reads_is_no_state(string member, string code) => ReportsAsync<SagaStateAnalyzer>(WithAction(member, code));

    [Fact]
    public Task The_nodes_of_a_dynamic_saga_belong_to_one_run_and_are_state() => ReportsAsync<SagaStateAnalyzer>(
        """
        using SagaRecovery;
        using System.Collections.Generic;
        using System.Linq;
        using System.Threading.Tasks;

        public sealed record Request(string[] Disks);

        public sealed class Disks : DynamicSaga<Request>
        {
            private readonly int _size;
            private readonly List<SagaNode> {|SAGA001:_all|} = [];
            private SagaNode<string>? {|SAGA001:_last|};

            public Disks(int size) => _size = size;

            public override string Name => "disks";

            protected override void Define(SagaBuilder<Request> saga, Request parameters)
            {
                SagaNode<string>[] disks = [.. parameters.Disks.Select(disk => saga.Node(disk, context => Task.FromResult($"{disk} {_size}")))];
                _all.AddRange(disks);
                _last = disks[^1];
                saga.Node("all", context => Task.FromResult(string.Concat(disks.Select(context.Output))), after: disks);
            }
        }
        """);

    [Fact]
    public Task Lambdas_undos_and_helpers_count_as_actions() => ReportsAsync<SagaStateAnalyzer>(Saga(
        """
        saga.Node("region", async context => { _first = 1; await Task.Yield(); }, undo: UndoAsync);
        """,
        """
        private int {|SAGA001:_first|};
        private int {|SAGA001:_second|};
        private int {|SAGA001:_third|};

        private Task UndoAsync(NodeContext<Request> context)
        {
            _second = 1;
            Help();
            return Task.CompletedTask;
        }

        private void Help() => _third = 1;
        """));

    [Fact]
    public Task A_primary_constructor_s_parameter_can_be_state() => ReportsAsync<SagaStateAnalyzer>(
        """
        internal sealed class TestSaga(int {|SAGA001:count|}) : Saga<string>
        {
            public override string Name => "test";

            protected override void Define(SagaBuilder<string> saga) => saga.Node("count", context =>
            {
                count++;
                return Task.CompletedTask;
            });
        }
        """);

    [Fact]
    public Task A_collection_that_was_given_belongs_to_others() => ReportsAsync<SagaStateAnalyzer>(
        """
        internal sealed class TestSaga : Saga<string>
        {
            private readonly List<string> _log;

            public TestSaga(List<string> log) => _log = log;

            public override string Name => "test";

            protected override void Define(SagaBuilder<string> saga) => saga.Node("log", context =>
            {
                _log.Add("done");
                return Task.CompletedTask;
            });
        }

        internal sealed class Other(List<string> log) : Saga<string>
        {
            private readonly List<string> _log = log;

            public override string Name => "other";

            protected override void Define(SagaBuilder<string> saga) => saga.Node("log", context =>
            {
                _log.Add("done");
                log.Add("done");
                return Task.CompletedTask;
            });
        }
        """);

    [Fact]
    public Task Construction_and_definition_may_assign() => ReportsAsync<SagaStateAnalyzer>(
        """
        internal sealed class TestSaga : Saga<string>
        {
            private int _level;
            private readonly List<string> _names = [];

            public TestSaga()
            {
                _level = 1;
                _names.Add("first");
            }

            public override string Name => "test";

            public SagaNode<string> Last { get; private set; } = null!;

            protected override void Define(SagaBuilder<string> saga)
            {
                _level++;
                _names.Add("second");
                foreach (string name in _names)
                {
                    Add(name);
                }

                AddLast(saga);

                void Add(string name) => _level += saga.Node(name, context => Task.CompletedTask).Id;
            }

            private void AddLast(SagaBuilder<string> saga)
            {
                _level++;
                Keep(saga.Node("last", context => Task.FromResult("")));
            }

            private void Keep(SagaNode<string> node) => Last = node;
        }
        """);

    [Fact]
    public Task A_class_that_is_no_saga_may_keep_state() => ReportsAsync<SagaStateAnalyzer>(
        """
        internal sealed class Worker
        {
            private int _count;

            public Task StepAsync(NodeContext<string> context)
            {
                _count++;
                return Task.CompletedTask;
            }
        }
        """);

    [Fact]
    public Task A_class_inside_a_saga_may_keep_state() => ReportsAsync<SagaStateAnalyzer>(Saga(
        """saga.Node("count", context => Task.FromResult(new Counter().Next()));""",
        """
        private sealed class Counter
        {
            private int _count;

            public int Next() => ++_count;
        }
        """));

    [Fact]
    public Task The_message_names_the_member_and_the_method() => ReportsMessageAsync<SagaStateAnalyzer>(
        WithAction("private int {|#0:_state|};", "_state = 1; _state = 2;"),
        Diagnostic(Rules.KeepsState, 0, "_state", "StepAsync"));

    [Theory]
    [InlineData("private int _state; private", "_state = ;")]
    [InlineData("private List<> _state = [];", "_state.Add(")]
    [InlineData("private Unknown _state;", "_state.Add(1); _state[0] = 1;")]
    [InlineData("private int", "= 1")]
    public Task Half_typed_code_breaks_nothing(string member, string change) => BreaksNothingAsync<SagaStateAnalyzer>(WithAction(member, change));

    private static string WithAction(string member, string code) => Saga(
        """saga.Node("step", StepAsync);""",
        $$"""
        {{member}}

        private async Task StepAsync(NodeContext<Request> context)
        {
            await Task.Yield();
            {{code}}
        }
        """);
}
