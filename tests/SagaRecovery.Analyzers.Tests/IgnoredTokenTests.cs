using SagaRecovery.Analyzers.CodeFixes;

using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA003.</summary>
public sealed class IgnoredTokenTests
{
    [Theory]
    [InlineData("context => cloud.{|SAGA003:AllocateAsync|}(\"region\")")]
    [InlineData("context => cloud?.{|SAGA003:AllocateAsync|}(\"region\")!")]
    [InlineData("_ => cloud.{|SAGA003:AllocateAsync|}(\"region\")")]
    [InlineData("context => Task.{|SAGA003:Delay|}(100)")]
    [InlineData("context => Task.{|SAGA003:Delay|}(TimeSpan.Zero, TimeProvider.System)")]
    [InlineData("context => File.{|SAGA003:ReadAllTextAsync|}(\"region\")")]
    [InlineData("context => {|SAGA003:LocalAsync|}()")]
    [InlineData("async context => await Task.Run(() => cloud.{|SAGA003:AllocateAsync|}(\"\"), context.CancellationToken)")]
    [InlineData("async context => { await foreach (int item in {|SAGA003:ItemsAsync|}()) { } }")]
    [InlineData("async context => { new SemaphoreSlim(1).{|SAGA003:Wait|}(); await Task.Yield(); }")]
    [InlineData("async context => await cloud.{|SAGA003:AllocateAsync|}(await cloud.AllocateAsync(\"\", context.CancellationToken))")]
    public Task A_call_that_could_receive_the_token_does(string action) => Reports(action);

    [Theory]
    [InlineData("context => cloud.AllocateAsync(\"region\", context.CancellationToken)")]
    [InlineData("context => cloud.AllocateAsync(cancellationToken: context.CancellationToken, what: \"region\")")]
    [InlineData("context => cloud.AllocateAsync(\"region\", CancellationToken.None)")] // deliberate
    [InlineData("context => cloud.AllocateAsync(\"region\", default)")] // deliberate
    [InlineData("context => Task.Delay(100, context.CancellationToken)")]
    [InlineData("context => Task.CompletedTask")]
    [InlineData("context => cloud.StoreAsync(1)")] // accepts none
    [InlineData("context => Task.Run(() => Task.Delay(1, context.CancellationToken))")] // the work has it
    [InlineData("context => LocalAsync2(context)")] // has the context
    [InlineData("context => LocalAsync3(new Options(context.CancellationToken))")] // has it in an object
    [InlineData("context => Task.Run(static () => { new SemaphoreSlim(1).Wait(); }, context.CancellationToken)")] // cannot name the context
    [InlineData("context => WithTokenAsync(token => cloud.AllocateAsync(\"\"))")] // CA2016 covers this one
    public Task What_has_the_token_or_cannot_have_it_is_left_alone(string action) => Reports(action);

    [Fact]
    public Task A_clean_up_runs_also_after_the_token_has_fired() => Reports(
        """
        async context =>
        {
            try
            {
                await cloud.AllocateAsync("region", context.CancellationToken);
            }
            catch (InvalidOperationException)
            {
                await cloud.AllocateAsync("rollback");
                throw;
            }
            finally
            {
                await cloud.AllocateAsync("release");
            }
        }
        """);

    [Fact]
    public Task A_retry_loop_is_not_a_clean_up() => Reports(
        """
        async context =>
        {
            while (true)
            {
                try
                {
                    await cloud.{|SAGA003:AllocateAsync|}("region");
                    return;
                }
                catch (TimeoutException)
                {
                }
            }
        }
        """);

    [Fact]
    public Task Undos_and_methods_are_checked_too() => ReportsAsync<IgnoredTokenAnalyzer>(Saga(
        """
        saga.Node("region", MakeAsync, undo: (context, region) => cloud.{|SAGA003:AllocateAsync|}(region));
        """,
        """
        private async Task<string> MakeAsync(NodeContext<Request> context)
        {
            return await StepAsync(context);
        }

        private Task<string> StepAsync(NodeContext<Request> context) => cloud.{|SAGA003:AllocateAsync|}("region");
        """));

    [Fact]
    public Task Code_without_a_context_is_not_ours() => ReportsAsync<IgnoredTokenAnalyzer>(Saga(
        """saga.Node("region", context => HelpAsync());""",
        """private Task<string> HelpAsync() => cloud.AllocateAsync("region");"""));

    [Fact]
    public Task Overloads_that_mean_something_else_do_not_count() => ReportsAsync<IgnoredTokenAnalyzer>(
        Saga("""saga.Node("region", context => Worker.RunAsync(1));"""),
        """
        internal static class Worker
        {
            public static Task RunAsync(int number) => Task.CompletedTask;
            public static Task RunAsync(string text, CancellationToken token) => Task.CompletedTask;
            public static Task<int> RunAsync(int number, CancellationToken token) => Task.FromResult(number);
            [Obsolete("slow")] public static Task RunAsync(long number, CancellationToken token) => Task.CompletedTask;
            private static Task RunAsync(int number, CancellationToken token, bool again) => Task.CompletedTask;
        }
        """);

    [Fact]
    public Task The_message_names_the_context() => ReportsMessageAsync<IgnoredTokenAnalyzer>(
        Saga("""saga.Node("region", c => cloud.{|#0:AllocateAsync|}("region"));"""),
        Diagnostic(Rules.IgnoredToken, 0, "AllocateAsync", "c"));

    [Theory]
    [InlineData("saga.Node(\"region\", context => cloud.AllocateAsync(")]
    [InlineData("saga.Node(\"region\", context => cloud.")]
    [InlineData("saga.Node(\"region\", context => Unknown(1))")]
    [InlineData("saga.Node(\"region\", async context => await )")]
    public Task Half_typed_code_is_left_alone(string line) => ReportsWhileTypingAsync<IgnoredTokenAnalyzer>(Saga(line));

    [Theory]
    [InlineData("context => cloud.{|SAGA003:AllocateAsync|}(\"region\")", "context => cloud.AllocateAsync(\"region\", context.CancellationToken)")]
    [InlineData("context => {|SAGA003:LocalAsync|}()", "context => LocalAsync(cancellationToken: context.CancellationToken)")]
    [InlineData("c => Task.{|SAGA003:Delay|}(100)", "c => Task.Delay(100, c.CancellationToken)")]
    [InlineData("_ => Task.{|SAGA003:Delay|}(100)", "context => Task.Delay(100, context.CancellationToken)")]
    [InlineData("c => Task.{|SAGA003:Delay|}(millisecondsDelay: 100)", "c => Task.Delay(millisecondsDelay: 100, cancellationToken: c.CancellationToken)")]
    [InlineData("c => \"\".{|SAGA003:SendAsync|}()", "c => \"\".SendAsync(c.CancellationToken)")]
    public Task The_fix_passes_the_token(string before, string after) =>
        FixesAsync<IgnoredTokenAnalyzer, PassTokenFix>(WithAction(before), WithAction(after));

    private static Task Reports(string action) => ReportsAsync<IgnoredTokenAnalyzer>(WithAction(action));

    private static string WithAction(string action) => Saga(
        $$"""
        saga.Node("region", {{action}});

        Task LocalAsync(int times = 1, CancellationToken cancellationToken = default) => Task.CompletedTask;
        Task LocalAsync2(NodeContext<Request> context, CancellationToken cancellationToken = default) => Task.CompletedTask;
        Task LocalAsync3(Options options, CancellationToken cancellationToken = default) => Task.CompletedTask;
        """,
        """
        private static Task WithTokenAsync(Func<CancellationToken, Task> work) => work(default);

        private static async IAsyncEnumerable<int> ItemsAsync(
            [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
        {
            await Task.Yield();
            yield return 1;
        }
        """)
        + """


        internal sealed record Options(CancellationToken Token);

        internal static class Extensions
        {
            public static Task SendAsync(this string text, CancellationToken cancellationToken = default) => Task.CompletedTask;
        }
        """;
}
