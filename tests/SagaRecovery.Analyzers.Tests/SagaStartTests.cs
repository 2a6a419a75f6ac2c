using SagaRecovery.Analyzers.CodeFixes;

using static SagaRecovery.Analyzers.Tests.Support.Verify;

namespace SagaRecovery.Analyzers.Tests;

/// <summary>SAGA005.</summary>
public sealed class SagaStartTests
{
    [Theory]
    [InlineData("{|SAGA005:starts.Announce(id)|}; await InsertAsync(id);")]
    [InlineData("_ = {|SAGA005:starts.Announce(id)|}; await InsertAsync(id);")]
    [InlineData("{|SAGA005:starts.Announce(id)|}.Confirm(await InsertAsync(id));")]
    [InlineData("SagaStart start = {|SAGA005:starts.Announce(id)|}; start.Confirm(await InsertAsync(id));")]
    [InlineData("var start = {|SAGA005:starts.Announce(id)|}; await InsertAsync(id); start.Dispose();")]
    [InlineData("SagaStart? start = null; start = {|SAGA005:starts.Announce(id)|}; await InsertAsync(id); start?.Dispose();")]
    [InlineData("SagaStart start = {|SAGA005:starts.Announce(id)|}; try { await InsertAsync(id); } catch { Console.WriteLine(start.SagaId); throw; }")]
    public Task A_start_that_may_stay_open_is_reported(string code) => Reports(code);

    [Theory]
    [InlineData("using SagaStart start = starts.Announce(id); start.Confirm(await InsertAsync(id));")]
    [InlineData("await using var start = starts.Announce(id); start.Confirm(await InsertAsync(id));")]
    [InlineData("await using var _ = starts.Announce(id).ConfigureAwait(false); await InsertAsync(id);")]
    [InlineData("using (SagaStart start = starts.Announce(id)) { await InsertAsync(id); }")]
    [InlineData("using (starts.Announce(id)) { await InsertAsync(id); }")]
    [InlineData("SagaStart start = starts.Announce(id); using (start) { await InsertAsync(id); }")]
    [InlineData("SagaStart start = starts.Announce(id); try { await InsertAsync(id); } finally { start.Dispose(); }")]
    [InlineData("SagaStart start = starts.Announce(id); try { await InsertAsync(id); } finally { await start.DisposeAsync(); }")]
    [InlineData("SagaStart? start = null; try { start = starts.Announce(id); await InsertAsync(id); } finally { start?.Dispose(); }")]
    [InlineData("SagaStart start = starts.Announce(id); try { start.Confirm(await InsertAsync(id)); } catch { start.Dispose(); throw; }")]
    [InlineData("starts.Announce(id).Dispose();")]
    [InlineData("var start = starts.Announce(id); start.Dispose();")]
    public Task A_start_that_is_disposed_on_every_path_is_right(string code) => Reports(code);

    [Theory]
    [InlineData("Keep(starts.Announce(id));")]
    [InlineData("SagaStart start = starts.Announce(id); Keep(start);")]
    [InlineData("List<SagaStart> all = [starts.Announce(id)]; foreach (SagaStart each in all) { each.Dispose(); }")]
    [InlineData("SagaStart[] all = Enumerable.Range(0, 3).Select(_ => starts.Announce(id)).ToArray();")]
    [InlineData("_start = starts.Announce(id);")]
    [InlineData("SagaStart start = starts.Announce(id); Func<SagaStart> read = () => start;")]
    public Task A_start_that_is_passed_on_belongs_to_other_code(string code) => Reports(code);

    [Theory]
    [InlineData("await {|SAGA005:log.CreateAsync(member, saga, default)|}; using SagaStart start = starts.Announce(id);")]
    [InlineData("if (await {|SAGA005:log.CreateAsync(member, saga, default)|}) { using SagaStart start = starts.Announce(id); }")]
    [InlineData("bool created = await {|SAGA005:own.CreateAsync(member, saga, default)|}; using (starts.Announce(id)) { }")]
    public Task An_insert_before_the_announcement_is_reported(string code) => Reports(code);

    [Theory]
    [InlineData("using SagaStart start = starts.Announce(id); await log.CreateAsync(member, saga, default);")]
    [InlineData("using (starts.Announce(id)) { await log.CreateAsync(member, saga, default); } using (starts.Announce(id)) { }")]
    [InlineData("if (id == default) { await log.CreateAsync(member, saga, default); } else { using SagaStart start = starts.Announce(id); }")]
    [InlineData("Func<Task> later = () => log.CreateAsync(member, saga, default); using SagaStart start = starts.Announce(id); await later();")]
    [InlineData("await log.AppendAsync(member, [], default); using SagaStart start = starts.Announce(id);")]
    [InlineData("await log.CreateAsync(member, saga, default);")]
    public Task An_insert_after_the_announcement_or_elsewhere_is_right(string code) => Reports(code);

    [Fact]
    public Task The_message_of_an_open_start_asks_for_using() => ReportsMessageAsync<SagaStartAnalyzer>(
        Method("{|#0:starts.Announce(id)|};"), Diagnostic(Rules.StartNotDisposed, 0));

    [Fact]
    public Task The_message_of_an_early_insert_names_the_order() => ReportsMessageAsync<SagaStartAnalyzer>(
        Method("await {|#0:log.CreateAsync(member, saga, default)|}; using SagaStart start = starts.Announce(id);"),
        Diagnostic(Rules.InsertedBeforeAnnouncement, 0));

    [Theory]
    [InlineData("starts.Announce(")]
    [InlineData("var start = starts.Announce()")]
    [InlineData("using starts.Announce(id);")]
    [InlineData("starts.Announce(id).")]
    [InlineData("SagaStart start = starts.Announce(id)")]
    public Task Half_typed_code_breaks_nothing(string code) => BreaksNothingAsync<SagaStartAnalyzer>(Method(code));

    [Fact]
    public Task The_fix_declares_the_start_with_using() => FixesAsync<SagaStartAnalyzer, DisposeStartFix>(
        Method("// first\n        SagaStart start = {|SAGA005:starts.Announce(id)|};\n        start.Confirm(await InsertAsync(id));"),
        Method("// first\n        using SagaStart start = starts.Announce(id);\n        start.Confirm(await InsertAsync(id));"));

    private static Task Reports(string code) => ReportsAsync<SagaStartAnalyzer>(Method(code));

    private static string Method(string code) =>
        $$"""
        internal sealed class Executor(SagaStarts starts, ISagaLog log, OwnLog own, Membership member, NewSaga saga)
        {
            private SagaStart? _start;

            public async Task StartAsync(SagaId id)
            {
                {{code}}
                await Task.Yield();
            }

            private Task<AdoptGeneration> InsertAsync(SagaId id) => Task.FromResult(AdoptGeneration.Initial);

            private void Keep(SagaStart start) => _start = start;

            public override string ToString() => $"{log} {own} {member} {saga} {_start}";
        }

        internal abstract class OwnLog : ISagaLog
        {
            public abstract Task<bool> CreateAsync(Membership member, NewSaga saga, CancellationToken cancellationToken);

            public abstract Task<IReadOnlyList<bool>> AppendAsync(
                Membership member, IReadOnlyList<SagaLogEntry> entries, CancellationToken cancellationToken);

            public abstract Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken);
        }
        """;
}
