using System.Diagnostics;
using EmbeddedPostgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using SagaRecovery.AspNetCore.Tests.Support;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.AspNetCore.Tests;

/// <summary>The health checks of a whole service, as probes see them.</summary>
public sealed class ProbeTests
{
    private const string Live = "saga-recovery-live";
    private const string Ready = "saga-recovery-ready";

    /// <summary>The documented fail-overs take 8 to 13 s. Here the server is away for 15 s of real time, and more than three passes fail.</summary>
    [Fact]
    public async Task A_fail_over_of_15_seconds_leaves_the_process_live_and_ready()
    {
        await using ThrowawayCluster postgres = await ThrowawayCluster.StartAsync();
        await using TestService service = await TestService.StartAsync(await postgres.NewDatabaseAsync(), services: AddChecks);
        await postgres.Cluster.StopAsync(StopMode.Immediate);
        long began = Stopwatch.GetTimestamp();
        service.App.Services.GetRequiredService<SagaRecoveryTrigger>().Activate(); // its retries follow: 50 ms, 100 ms and so on, up to 30 s
        HashSet<HealthStatus> ready = [];
        await Eventually.HoldsAsync(
            async () =>
            {
                IReadOnlyDictionary<string, HealthReportEntry> checks = await CheckAsync(service);
                checks[Live].Status.Should().Be(HealthStatus.Healthy);
                ready.Add(checks[Ready].Status);
                return Stopwatch.GetElapsedTime(began) > TimeSpan.FromSeconds(15);
            },
            "15 s had passed");

        service.App.Services.GetRequiredService<SagaRecoveryStatus>().Current.FailedInARow.Should().BeGreaterThan(3);
        ready.Should().Contain(HealthStatus.Degraded, "passes failed").And.NotContain(HealthStatus.Unhealthy);
        await postgres.Cluster.StartAsync();
        await Eventually.HoldsAsync(async () => (await CheckAsync(service))[Ready].Status == HealthStatus.Healthy, "it was healthy again");
    }

    /// <summary>The default: three minutes for the store, and 30 s for the executor.</summary>
    [Fact]
    public async Task A_loop_that_hangs_is_not_live_after_three_and_a_half_minutes()
    {
        var time = new WatchedTimeProvider();
        using var store = new BlockingStore();
        await using TestService service = TestService.Build("Host=127.0.0.1;Port=1", services: builder =>
        {
            AddChecks(builder);
            builder.Services.AddSingleton<TimeProvider>(time).AddSingleton(store).AddSagaRecovery().UseStore<BlockingStore>();
        });
        await service.App.StartAsync();
        await store.Entered;

        time.Advance(TimeSpan.FromSeconds(209));
        (await CheckAsync(service))[Live].Status.Should().Be(HealthStatus.Healthy);
        time.Advance(TimeSpan.FromSeconds(1));
        HealthReportEntry hung = (await CheckAsync(service))[Live];
        hung.Status.Should().Be(HealthStatus.Unhealthy);
        hung.Description.Should().Be("The recovery loop has made no progress for 3m in pass 1. Restart this process.");

        store.Release();
        await Eventually.HoldsAsync(async () => (await CheckAsync(service))[Live].Status == HealthStatus.Healthy, "the loop moved again");
    }

    private static void AddChecks(Microsoft.AspNetCore.Builder.WebApplicationBuilder builder) => builder.Services.AddHealthChecks().AddSagaRecovery();

    private static async Task<IReadOnlyDictionary<string, HealthReportEntry>> CheckAsync(TestService service) =>
        (await service.App.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync()).Entries;

    /// <summary>A store whose listing blocks its thread.</summary>
    private sealed class BlockingStore : ISagaStore, IDisposable
    {
        private readonly TaskCompletionSource _entered = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private readonly ManualResetEventSlim _released = new();

        public Task Entered => _entered.Task;

        public void Release() => _released.Set();

        public void Dispose() => _released.Dispose();

        public Task<Membership> JoinAsync(CoordinatorId coordinator, CancellationToken cancellationToken) =>
            Task.FromResult(new Membership(coordinator, new Incarnation(1), default));

        public Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken) => Task.FromResult(lost);

        public Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<SagaId>>([]);

        public Task ListCandidatesAsync(Membership member, CandidateListing listing, CancellationToken cancellationToken)
        {
            _entered.TrySetResult();
            _released.Wait(CancellationToken.None);
            return Task.CompletedTask;
        }

        public Task<IReadOnlyList<LoadedSaga>> LoadAsync(Membership member, IReadOnlyList<Candidate> candidates, CancellationToken cancellationToken) =>
            Task.FromResult<IReadOnlyList<LoadedSaga>>([]);

        public Task<bool> AbandonAsync(SagaId sagaId, Ownership ownership, Abandonment abandonment, CancellationToken cancellationToken) => Task.FromResult(false);
    }
}
