using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Tests.Support;

namespace SagaRecovery.Tests.Hosting;

/// <summary>Work that waits for the join of its process, such as the start of a saga.</summary>
public sealed class JoinWaitTests
{
    private static readonly TimeSpan LongWait = TimeSpan.FromSeconds(10);

    [Fact]
    public async Task An_earlier_hosted_service_that_awaits_a_membership_while_it_starts_causes_a_warning()
    {
        var earlier = new AwaitsMembership();
        await using RecoveryHost host = RecoveryHost.CreateWith(earlier);
        earlier.Coordinator = host.Coordinator;

        Task starting = host.StartAsync();
        await host.TimerSetAsync(LongWait);
        host.Time.Advance(LongWait);

        await Eventually.HoldsAsync(() => host.LogLines.Count(50) == 1, "the wait was logged");
        host.LogLines.Lines.Single(line => line.EventId == 50).Should().Match<(int, LogLevel Level, string Message)>(
            line => line.Level == LogLevel.Warning && line.Message.Contains("register it after AddSagaRecovery()"));
        starting.IsCompleted.Should().BeFalse();
        await earlier.StopWaiting.CancelAsync();
        await starting;
    }

    [Fact]
    public async Task A_long_wait_for_a_store_that_cannot_be_reached_is_logged_once()
    {
        await using RecoveryHost host = RecoveryHost.Create();
        host.Store.BeforeJoin = () => throw new IOException("no route to the database");
        await host.StartAsync();
        await host.PassesAsync(1);

        Task<Membership>[] waiting = [host.Coordinator.JoinedAsync(CancellationToken.None), host.Coordinator.JoinedAsync(CancellationToken.None)];
        await Eventually.HoldsAsync(() => host.Time.Pending.Count(delay => delay == LongWait) == 2, "both waited");
        host.Time.Advance(LongWait);

        await Eventually.HoldsAsync(() => host.LogLines.Count(49) == 1, "the wait was logged");
        host.Store.BeforeJoin = () => Task.CompletedTask;
        await host.ActivateAsync();
        await Task.WhenAll(waiting);
        (host.LogLines.Count(49), host.LogLines.Count(50)).Should().Be((1, 0));
    }

    private sealed class AwaitsMembership : IHostedService
    {
        public SagaCoordinator? Coordinator { get; set; }

        public CancellationTokenSource StopWaiting { get; } = new();

        public async Task StartAsync(CancellationToken cancellationToken)
        {
            try
            {
                await Coordinator!.JoinedAsync(StopWaiting.Token);
            }
            catch (OperationCanceledException)
            {
                // the test has seen enough
            }
        }

        public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
