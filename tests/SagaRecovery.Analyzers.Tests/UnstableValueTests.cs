using SagaRecovery.Analyzers.CodeFixes;

using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA002.</summary>
public sealed class UnstableValueTests
{
    [Theory]
    [InlineData("await cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\"); return \"\";")]
    [InlineData("await cloud.MakeAsync({|SAGA002:Guid.CreateVersion7()|}, \"disk\"); return \"\";")]
    [InlineData("Guid id = {|SAGA002:Guid.NewGuid()|}; await cloud.MakeAsync(id, \"disk\"); return \"\";")]
    [InlineData("string name = $\"disk-{{|SAGA002:Guid.NewGuid()|}:N}\"; await cloud.AllocateAsync(name); return \"\";")]
    [InlineData("string name = \"disk-\" + {|SAGA002:Guid.NewGuid()|}.ToString(\"N\"); await cloud.AllocateAsync(name); return \"\";")]
    [InlineData("await cloud.StoreAsync(new { Id = {|SAGA002:Guid.NewGuid()|} }); return \"\";")]
    [InlineData("var row = new Row { Id = {|SAGA002:Guid.NewGuid()|} }; await cloud.StoreAsync(row); return \"\";")]
    [InlineData("var row = new Row(); row.Id = {|SAGA002:Guid.NewGuid()|}; await cloud.StoreAsync(row); return \"\";")]
    [InlineData("List<Guid> ids = []; ids.Add({|SAGA002:Guid.NewGuid()|}); await cloud.StoreAsync(ids); return \"\";")]
    [InlineData("cloud.Send({|SAGA002:Guid.NewGuid()|}); return \"\";")]
    [InlineData("await cloud.StampAsync({|SAGA002:DateTimeOffset.UtcNow|}); return \"\";")]
    [InlineData("await cloud.StoreAsync({|SAGA002:DateTime.Now|}); return \"\";")]
    [InlineData("await cloud.StoreAsync({|SAGA002:DateTime.UtcNow|}); return \"\";")]
    [InlineData("await cloud.ChooseAsync({|SAGA002:Random.Shared.Next(10)|}); return \"\";")]
    [InlineData("var random = new Random(); await cloud.ChooseAsync({|SAGA002:random.Next(10)|}); return \"\";")]
    [InlineData("await cloud.StoreAsync({|SAGA002:System.Security.Cryptography.RandomNumberGenerator.GetBytes(8)|}); return \"\";")]
    [InlineData("byte[] key = new byte[8]; {|SAGA002:Random.Shared.NextBytes(key)|}; await cloud.StoreAsync(key); return \"\";")]
    [InlineData("await Task.Run(() => cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\")); return \"\";")]
    [InlineData("string made = cloud.Format({|SAGA002:Guid.NewGuid()|}); await cloud.AllocateAsync(made); return \"\";")]
    public Task A_value_that_another_system_receives_is_reported(string body) => Reports(body);

    [Theory]
    [InlineData("Guid id = Guid.NewGuid(); await cloud.MakeAsync(id, \"disk\"); return id.ToString();")]
    [InlineData("string name = $\"disk-{Guid.NewGuid():N}\"; await cloud.AllocateAsync(name); return name;")]
    [InlineData("var row = new Row { Id = Guid.NewGuid() }; await cloud.StoreAsync(row); return $\"{row.Id}\";")]
    [InlineData("Guid id = Guid.NewGuid(); string region = await cloud.AllocateAsync($\"{id}\"); return region;")]
    [InlineData("return await cloud.AllocateAsync(Guid.NewGuid().ToString());")]
    [InlineData("return Guid.NewGuid().ToString();")]
    [InlineData("return await Task.FromResult(Guid.NewGuid().ToString());")]
    public Task A_value_that_the_action_returns_is_right(string body) => Reports(body);

    [Theory]
    [InlineData("Console.WriteLine(Guid.NewGuid()); return \"\";")]
    [InlineData("logger.LogInformation(\"{Id} at {Time}\", Guid.NewGuid(), DateTime.UtcNow); return \"\";")]
    [InlineData("DateTime start = DateTime.UtcNow; await Task.Yield(); cloud.Send((DateTime.UtcNow - start).TotalSeconds); return \"\";")]
    [InlineData("if (DateTime.UtcNow.Hour > 12) { await cloud.AllocateAsync(\"late\"); } return \"\";")]
    [InlineData("DateTime deadline = DateTime.UtcNow + TimeSpan.FromMinutes(1); await cloud.StoreAsync(deadline); return \"\";")]
    [InlineData("await cloud.StampAsync(DateTimeOffset.UtcNow.AddMinutes(1)); return \"\";")]
    [InlineData("await Task.Delay(Random.Shared.Next(100), context.CancellationToken); return \"\";")]
    [InlineData("await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(100)), context.CancellationToken); return \"\";")]
    [InlineData("string path = Path.Combine(Path.GetTempPath(), Guid.NewGuid().ToString()); await File.WriteAllTextAsync(path, \"\"); return \"\";")]
    [InlineData("await cloud.ChooseAsync(new Random(7).Next()); return \"\";")]
    [InlineData("Guid unused = Guid.NewGuid(); return \"\";")]
    [InlineData("await cloud.MakeAsync(context.IdempotencyKey, \"disk\"); return \"\";")]
    [InlineData("string[] hosts = [\"a\", \"b\"]; await cloud.AllocateAsync(hosts[Random.Shared.Next(2)]); return \"\";")]
    public Task A_value_that_names_nothing_elsewhere_does_no_harm(string body) => Reports(body);

    [Theory]
    [InlineData("context => cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\")")]
    [InlineData("context => cloud.StoreAsync({|SAGA002:Guid.NewGuid()|})")] // a count of rows cannot hold it
    [InlineData("context => cloud.CreateAsync(Guid.NewGuid())")] // the result may be the id
    [InlineData("context => Task.FromResult(Guid.NewGuid())")]
    [InlineData("async context => await cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\")")]
    [InlineData("context => Task.FromResult(1), undo: (context, one) => cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"undo\")")]
    public Task An_expression_is_checked_by_what_its_call_can_return(string action) =>
        ReportsAsync<UnstableValueAnalyzer>(Saga($"saga.Node(\"disk\", {action});"));

    [Fact]
    public Task What_a_transactional_node_writes_is_committed_once() => ReportsAsync<UnstableValueAnalyzer>(
        Saga("""saga.TransactionalNode("disk", (context, transaction) => cloud.MakeAsync(Guid.NewGuid(), "disk"));"""));

    [Fact]
    public Task Code_without_a_context_is_not_ours() => ReportsAsync<UnstableValueAnalyzer>(
        """
        internal sealed class Endpoint(ICloud cloud)
        {
            public Task PostAsync() => cloud.MakeAsync(Guid.NewGuid(), "disk");
        }
        """);

    [Fact]
    public Task The_message_names_the_value_and_the_call() => ReportsMessageAsync<UnstableValueAnalyzer>(
        Saga("""saga.Node("disk", context => cloud.MakeAsync({|#0:Guid.NewGuid()|}, "disk"));"""),
        Diagnostic(Rules.UnstableValue, 0, "Guid.NewGuid()", "MakeAsync"));

    [Theory]
    [InlineData("context => cloud.MakeAsync(Guid.NewGuid()")]
    [InlineData("context => Unknown(Guid.NewGuid())")]
    [InlineData("context => { var id = Guid.NewGuid(; }")]
    [InlineData("context => { x = DateTime.UtcNow; return x }")]
    public Task Half_typed_code_breaks_nothing(string action) => BreaksNothingAsync<UnstableValueAnalyzer>(Saga($"saga.Node(\"disk\", {action});"));

    [Theory]
    [InlineData("context => cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\")", "context => cloud.MakeAsync(context.IdempotencyKey, \"disk\")")]
    [InlineData("_ => cloud.MakeAsync({|SAGA002:Guid.NewGuid()|}, \"disk\")", "context => cloud.MakeAsync(context.IdempotencyKey, \"disk\")")]
    [InlineData("c => cloud.StoreAsync({|SAGA002:DateTime.UtcNow|})", "c => cloud.StoreAsync({|SAGA002:DateTime.UtcNow|})")] // a key is no time
    public Task The_fix_uses_the_idempotency_key(string before, string after) => FixesAsync<UnstableValueAnalyzer, UseIdempotencyKeyFix>(
        Saga($"saga.Node(\"disk\", {before});"), Saga($"saga.Node(\"disk\", {after});"));

    private static Task Reports(string body) => ReportsAsync<UnstableValueAnalyzer>(
        "using Microsoft.Extensions.Logging;\n"
        + Saga(
            """saga.Node("disk", ActAsync);""",
            $$"""
            private readonly ILogger logger = Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance;

            private async Task<string> ActAsync(NodeContext<Request> context)
            {
                await Task.Yield();
                {{body}}
            }
            """)
        + "\ninternal sealed class Row { public Guid Id { get; set; } }\n");
}
