using SagaRecovery.Analyzers.CodeFixes;

using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA004.</summary>
public sealed class OutputOrderTests
{
    [Fact]
    public Task A_node_that_comes_after_no_other_reads_no_output() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("volume", context => cloud.AllocateAsync({|SAGA004:context.Output(region)|}));
        """);

    [Fact]
    public Task A_node_reads_no_output_of_one_beside_it() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        SagaNode<string> address = saga.Node("address", context => cloud.AllocateAsync("address"));
        saga.Node("volume", context => cloud.AllocateAsync(context.Output(region) + {|SAGA004:context.Output(address)|}), undo: null, region);
        """);

    [Fact]
    public Task A_transactional_node_is_held_to_the_same() => Reports(
        """
        SagaNode<string> region = saga.TransactionalNode("region", (context, _) => cloud.AllocateAsync("region"));
        saga.TransactionalNode("volume", (context, _) => cloud.AllocateAsync({|SAGA004:context.Output(region)|}));
        saga.TransactionalNode("address", (context, _) => cloud.AllocateAsync(context.Output(region)), undo: null, region);
        """);

    [Fact]
    public Task An_undo_is_held_to_the_same() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node(
            "volume",
            context => cloud.AllocateAsync("volume"),
            undo: (context, volume) => cloud.AllocateAsync({|SAGA004:context.Output(region)|}));
        """);

    [Fact]
    public Task A_read_inside_a_nested_lambda_is_the_node_s() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("volume", async context =>
        {
            Func<string> read = () => {|SAGA004:context.Output(region)|};
            await cloud.AllocateAsync(read());
        });
        """);

    [Fact]
    public Task A_local_function_as_action_is_checked() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("volume", MakeAsync);

        Task<string> MakeAsync(NodeContext<Request> context) => cloud.AllocateAsync({|SAGA004:context.Output(region)|});
        """);

    [Fact]
    public Task A_method_that_reads_a_node_from_a_field_is_checked() => Reports(
        """
        _region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("volume", MakeAsync);
        """,
        """
        private SagaNode<string> _region = null!;

        private Task<string> MakeAsync(NodeContext<Request> context) => cloud.AllocateAsync({|SAGA004:context.Output(_region)|});
        """);

    [Fact]
    public Task A_method_that_reads_a_node_from_a_field_may_do_so_after_it() => Reports(
        """
        _region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("volume", MakeAsync, after: _region);
        """,
        """
        private SagaNode<string> _region = null!;

        private Task<string> MakeAsync(NodeContext<Request> context) => cloud.AllocateAsync(context.Output(_region));
        """);

    [Theory]
    [InlineData("after: region")]
    [InlineData("after: [region]")]
    [InlineData("undo: null, region")]
    [InlineData("null, address, region")]
    [InlineData("after: new SagaNode[] { address, region }")]
    public Task A_node_reads_what_it_names(string after) => Reports(
        $$"""
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        SagaNode<string> address = saga.Node("address", context => cloud.AllocateAsync("address"));
        saga.Node("volume", context => cloud.AllocateAsync(context.Output(region)), {{after}});
        """);

    [Fact]
    public Task A_node_reads_what_it_comes_after_through_others() => Reports(
        """
        var region = saga.Node("region", context => cloud.AllocateAsync("region"));
        var volume = saga.Node("volume", context => cloud.AllocateAsync("volume"), after: region);
        saga.Node(
            "attach",
            context => cloud.AllocateAsync(context.Output(region) + context.Output(volume)),
            after: saga.Node("format", context => cloud.AllocateAsync(""), after: volume));
        """);

    [Theory]
    [InlineData("SagaNode[] all = [region];", "after: all")]
    [InlineData("SagaNode[] all = [region];", "after: [.. all]")]
    [InlineData("SagaNode last = address; last = region;", "after: last")]
    [InlineData("SagaNode last = region;", "after: last")]
    [InlineData("SagaNode last = DateTime.Now.Hour > 12 ? region : address;", "after: last")]
    public Task What_is_not_known_may_be_the_right_node(string before, string after) => Reports(
        $$"""
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        SagaNode<string> address = saga.Node("address", context => cloud.AllocateAsync("address"));
        {{before}}
        saga.Node("volume", context => cloud.AllocateAsync(context.Output(region)), {{after}});
        """);

    [Fact]
    public Task A_function_that_declares_nodes_may_be_given_the_right_ones() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        Add("a", region);

        SagaNode Add(string name, params IReadOnlyList<SagaNode> after) =>
            saga.Node(name, context => cloud.AllocateAsync(context.Output(region)), undo: null, after);
        """);

    [Fact]
    public Task A_function_of_two_nodes_is_allowed_what_one_of_them_may_read() => Reports(
        """
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        saga.Node("first", MakeAsync);
        saga.Node("second", MakeAsync, after: region);

        Task<string> MakeAsync(NodeContext<Request> context) =>
            cloud.AllocateAsync(context.NodeName == "first" ? "" : context.Output(region));
        """);

    [Fact]
    public Task A_definition_outside_a_saga_class_is_checked() => ReportsAsync<OutputOrderAnalyzer>(
        """
        internal static class Definitions
        {
            public static Action<SagaBuilder<string>> Define { get; } = saga =>
            {
                var region = saga.Node("region", context => Task.FromResult(1));
                saga.Node("volume", context => Task.FromResult({|SAGA004:context.Output(region)|}));
                saga.Node("disk", context => Task.FromResult(context.Output(region)), after: region);
            };
        }
        """);

    [Fact]
    public Task A_node_is_named_by_its_constant_or_by_its_code() => ReportsMessageAsync<OutputOrderAnalyzer>(
        Saga(
            """
            SagaNode<string> region = saga.Node(Region, context => cloud.AllocateAsync("region"));
            saga.Node("volume" + region.Id, context => cloud.AllocateAsync({|#0:context.Output(region)|}));
            """,
            """private const string Region = "region";"""),
        Diagnostic(Rules.OutputOrder, 0, "\"volume\" + region.Id", "region"));

    [Theory]
    [InlineData("saga.Node(\"volume\", context => cloud.AllocateAsync(context.Output(region)), after: )")]
    [InlineData("saga.Node(\"volume\", context => cloud.AllocateAsync(context.Output(")]
    [InlineData("saga.Node(context => context.Output(nothing))")]
    [InlineData("saga.Node(\"volume\", region, region, region)")]
    [InlineData("var x = saga.")]
    public Task Half_typed_code_is_left_alone(string line) => ReportsWhileTypingAsync<OutputOrderAnalyzer>(Saga(
        $"""
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        {line}
        """));

    [Theory]
    [InlineData(")", ", after: region)")]
    [InlineData(", after: address)", ", after: [address, region])")]
    [InlineData(", after: [address])", ", after: [address, region])")]
    [InlineData(", undo: null, address)", ", undo: null, address, region)")]
    [InlineData(", undo: UndoAsync)", ", undo: UndoAsync, after: region)")]
    public Task The_fix_adds_the_node_to_after(string before, string after) => FixesAsync<OutputOrderAnalyzer, AddToAfterFix>(
        WithVolume("{|SAGA004:context.Output(region)|}", before),
        WithVolume("context.Output(region)", after));

    [Fact]
    public Task No_fix_names_a_later_node() => FixesAsync<OutputOrderAnalyzer, AddToAfterFix>(
        LaterNode("{|SAGA004:context.Output(_region)|}"), LaterNode("{|SAGA004:context.Output(_region)|}"));

    private static string LaterNode(string read) => Saga(
        $"""
        saga.Node("volume", context => cloud.AllocateAsync({read}));
        _region = saga.Node("region", context => cloud.AllocateAsync("region"));
        """,
        "private SagaNode<string> _region = null!;");

    private static string WithVolume(string read, string end) => Saga(
        $"""
        SagaNode<string> region = saga.Node("region", context => cloud.AllocateAsync("region"));
        SagaNode<string> address = saga.Node("address", context => cloud.AllocateAsync("address"));
        saga.Node("volume", context => cloud.AllocateAsync({read}){end};
        """,
        "private static Task UndoAsync(NodeContext<Request> context, string volume) => Task.CompletedTask;");

    private static Task Reports(string define, string members = "") => ReportsAsync<OutputOrderAnalyzer>(Saga(define, members));
}
