using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Postgres;

/// <summary>The status of processes whose sagas or heartbeats do not move: it must not read as if all were well.</summary>
public sealed class TrueStatusTests : IAsyncLifetime
{
    private static readonly OperatorNote Note = new("ann", "to see what happens");

    private readonly Guid _coordinator = Guid.NewGuid();
    private readonly Gate _gate = new();
    private ThrowawayCluster _cluster = null!;
    private string _database = null!;

    public async ValueTask InitializeAsync()
    {
        _cluster = await ThrowawayCluster.StartAsync();
        _database = await _cluster.NewDatabaseAsync();
    }

    public async ValueTask DisposeAsync() => await _cluster.DisposeAsync();

    [Fact]
    public async Task A_saga_whose_output_cannot_be_read_any_more_counts_as_failed_at_each_try_and_not_as_recovered()
    {
        SagaId saga = await LeaveBehindAsync();
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, WithoutOwnRetries, Reads<int>());
        for (int tries = 1; tries <= 5; tries++)
        {
            await Eventually.HoldsAsync(async () => await InterruptionsAsync(host, saga) == tries, $"run {tries} was interrupted");
            if (tries < 5)
            {
                await host.ActivateAsync();
            }
        }

        await host.ActivateAsync(); // reads the last interruption, and resumes the saga once more
        await Eventually.HoldsAsync(async () => await InterruptionsAsync(host, saga) == 6, "the last run was interrupted");
        RecoveryReport report = host.Status.Current;

        (report.Totals.Recovered, report.RecentlyRecovered.Count).Should().Be((1, 1), "the last interruption is read by the next pass");
        report.Totals.Failed.Should().Be(5);
        report.RecentFailures.Should().HaveCount(5).And.OnlyContain(failed =>
            failed.Name == "outputs" && failed.Message.StartsWith("interrupted: the run failed: The output of node 'first' cannot be deserialized to System.Int32"));
        host.Status.RenderText().Should().NotContain("no saga recovery failures");
        SagaExplanation explained = await host.Operator.ExplainAsync(saga);
        explained.Should().Match<SagaExplanation>(one => one.Verdict == SagaVerdict.BackingOff && one.Failures == 6 && one.Error!.Contains("'first' cannot be deserialized"));
    }

    [Fact]
    public async Task An_explanation_in_the_middle_of_a_pass_does_not_hide_an_interruption()
    {
        SagaId saga = await LeaveBehindAsync();
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, Reads<int>());
        for (int pass = 1; pass <= 20; pass++)
        {
            Task<PassReport> activated = host.ActivateAsync();
            while (!activated.IsCompleted)
            {
                await host.Operator.ExplainAsync(saga);
            }
        }

        await Eventually.HoldsAsync(async () => (await host.Operator.ExplainAsync(saga)).Verdict == SagaVerdict.BackingOff, "its last run was interrupted");
    }

    [Fact]
    public async Task A_drain_gives_no_sagas_to_a_node_whose_recovery_is_paused_and_says_so()
    {
        await using PostgresHost old = await StartAsync();
        await using PostgresHost paused = await StartAsync();
        await ReadyToTakeAsync(paused);
        await paused.Operator.PauseAsync(Note);
        SagaId saga = (await old.Client.StartAsync(old.Saga("gated"), "")).SagaId;
        await _gate.ArrivalAsync();

        DrainReport left = await DrainAsync(old).Soon();

        left.Should().Match<DrainReport>(report => report.Phase == DrainPhase.Incomplete && report.Reassigned == 0 && report.Left == 1);
        left.Paused.Should().Equal(paused.Coordinator.Id);
        old.Status.RenderText().Should().Contain(
            $"0 reassigned, 1 left, which resume at the next start. Took none, since their recovery is paused: {paused.Coordinator.Id}.");

        await paused.Operator.ResumeAsync(Note);
        (await DrainAsync(old).Soon()).Should().Match<DrainReport>(report => report.Phase == DrainPhase.Drained && report.Reassigned == 1 && report.Paused.Count == 0);
        await Eventually.HoldsAsync(async () => (await paused.Operator.ExplainAsync(saga)).Verdict == SagaVerdict.RunningHere, "the other node resumed it");
    }

    [Fact]
    public async Task A_paused_node_gets_sagas_only_as_the_one_recipient_that_an_operator_has_named_and_the_third_node_explains_why_they_wait()
    {
        var dead = new CoordinatorId(_coordinator);
        SagaId saga = await LeaveBehindAsync();
        await using PostgresHost paused = await StartAsync();
        await using PostgresHost third = await StartAsync();
        await ReadyToTakeAsync(paused);
        await third.ActivateAsync();
        await paused.Operator.PauseAsync(Note);
        await third.Operator.PauseAsync(Note);

        ReassignResponse none = await third.Operator.ReassignAsync(dead, new ReassignRequest { Reason = "it is dead" }, Note);
        none.Result.Should().Be(OperatorActionStatus.NoTaker);
        none.Message.Should().Contain("is paused").And.Contain($"{paused.Coordinator.Id}");
        none.Paused.Should().Contain(paused.Coordinator.Id);

        ReassignResponse ordered = await third.Operator.ReassignAsync(dead, new ReassignRequest { Reason = "it is dead", To = [paused.Coordinator.Id] }, Note);
        ordered.Result.Should().Be(OperatorActionStatus.Done);
        ordered.Message.Should().EndWith("Recovery of that coordinator is paused: it resumes them once the pause has ended.");

        SagaExplanation explained = await third.Operator.ExplainAsync(saga);
        explained.Verdict.Should().Be(SagaVerdict.HeldByPausedNode);
        explained.Reason.Should().Contain($"Recovery of that coordinator is paused ({Note.Actor}: {Note.Reason})");
        (await paused.Operator.ExplainAsync(saga)).Verdict.Should().Be(SagaVerdict.Paused);
    }

    [Fact]
    public async Task A_node_without_a_listener_connection_writes_heartbeats_over_the_pool_and_says_what_is_missing()
    {
        await using PostgresHost host = await PostgresHost.StartOutOfTouchAsync(_database, _coordinator, TestSaga.Gated(_gate));

        await Eventually.HoldsAsync(() => host.Status.Current.Heartbeat is { LastWritten: not null, ListenerError: not null }, "a heartbeat was written");

        host.Status.Current.Heartbeat!.LateSince.Should().BeNull();
        host.Status.RenderText().Should().Contain("  NO LISTENER CONNECTION: ").And.NotContain("HEARTBEAT LATE");
        (await host.Services.GetRequiredService<ISagaOperations>().ListCoordinatorsAsync(CancellationToken.None))
            .Should().ContainSingle().Which.Definitions.Should().Equal("gated v1");
    }

    private Task<PostgresHost> StartAsync() => PostgresHost.StartAsync(_database, Guid.NewGuid(), TestSaga.Gated(_gate), Reads<string>());

    private static Task<DrainReport> DrainAsync(PostgresHost host) => host.Services.GetRequiredService<SagaDrain>().DrainAsync(Note, TimeSpan.Zero);

    /// <summary>The process has joined and published the definitions that it can run: nothing is reassigned to it before.</summary>
    private static async Task ReadyToTakeAsync(PostgresHost host)
    {
        await host.ActivateAsync();
        await Eventually.HoldsAsync(() => host.Status.Current.Heartbeat is { LastWritten: not null }, "the process has published its definitions");
    }

    /// <summary>Only the first pass and explicit ones try a saga.</summary>
    private static void WithoutOwnRetries(SagaRecoveryOptions options) => options.FirstBackoff = options.LongestBackoff = TimeSpan.FromHours(1);

    private static async Task<int> InterruptionsAsync(PostgresHost host, SagaId saga) =>
        (await host.Operator.ExplainAsync(saga)) is { Verdict: SagaVerdict.BackingOff, Failures: var failures } ? failures : 0;

    /// <summary>Leaves behind a saga whose first node has a text as its output, and whose second has not run.</summary>
    private async Task<SagaId> LeaveBehindAsync()
    {
        await using PostgresHost first = await PostgresHost.StartAsync(_database, _coordinator, new TestSaga("outputs", saga =>
        {
            SagaNode<string> node = saga.Node("first", _ => Task.FromResult("a text"));
            saga.Node("second", context => _gate.PassAsync(context.CancellationToken), after: node);
        }));
        SagaId left = (await first.Client.StartAsync(first.Saga("outputs"), "")).SagaId;
        await _gate.ArrivalAsync();
        return left;
    }

    private static TestSaga Reads<TOutput>() => new("outputs", saga =>
    {
        SagaNode<TOutput> node = saga.Node("first", _ => Task.FromResult<TOutput>(default!));
        saga.Node("second", context => Task.FromResult(context.Output(node)!.ToString()), after: node);
    });
}
