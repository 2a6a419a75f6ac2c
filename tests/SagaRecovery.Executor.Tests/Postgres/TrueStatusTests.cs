using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using SagaRecovery.Executor.Tests.Support;
using SagaRecovery.Operations;
using SagaRecovery.Postgres;
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
        await using PostgresHost host = await PostgresHost.StartAsync(_database, _coordinator, Reads<int>());
        for (int tries = 1; tries <= 5; tries++)
        {
            await host.ActivateAsync();
            await Eventually.HoldsAsync(async () => await InterruptionsAsync(host, saga) == tries, $"run {tries} was interrupted");
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
