using Microsoft.Extensions.Options;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Coordinators;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;
using SagaRecovery.Timing;

namespace SagaRecovery.Hosting;

/// <summary>
/// Loads sagas in batches, records each batch as in flight, and resumes its sagas concurrently, for passes and refills. While this process
/// resumes one batch, the database loads the next.
/// </summary>
internal sealed class BatchResumer(
    SagaTracker tracker,
    ISagaStore store,
    CrashLoopGuard guard,
    SagaResumer resumer,
    SagaCoordinator coordinator,
    RecoveryMetrics metrics,
    LoopProgress progress,
    IOptions<SagaRecoveryOptions> options,
    SteadyTimeProvider time)
{
    /// <summary>The number of batches in flight: while the database loads one, this process resumes the other.</summary>
    private const int ConcurrentLoads = 2;

    private readonly int _loadBatchSize = options.Value.LoadBatchSize;
    private readonly int _maxConcurrency = options.Value.MaxConcurrency;

    /// <summary>The function that starts a worker. It uses the thread pool by default; a test may run all workers on one thread.</summary>
    public Func<Func<Task>, Task> BeginWorker { get; init; } = Task.Run;

    /// <summary>Loads and resumes sagas.</summary>
    /// <param name="work">The sagas.</param>
    /// <param name="member">The membership that owns the sagas.</param>
    /// <param name="record">Called with the result of each saga that was attempted, from any thread.</param>
    /// <param name="stopping">Signals that shutdown has begun: no further saga is resumed, and resumes in flight continue.</param>
    /// <param name="abort">Signals that the time for shutdown is up: resumes in flight are cancelled too.</param>
    public async Task ResumeAllAsync(
        ResumeWork work, Membership member, Action<SagaId, ResumeResult, DateTimeOffset> record, CancellationToken stopping, CancellationToken abort)
    {
        List<Candidate[]> batches = [.. work.Sagas.Chunk(_loadBatchSize)];
        var loads = new Queue<Task<IReadOnlyList<LoadedSaga>>>();
        try
        {
            for (int i = 0; i < batches.Count && !stopping.IsCancellationRequested; i++)
            {
                foreach (Candidate[] batch in batches.Skip(i + loads.Count).Take(ConcurrentLoads - loads.Count))
                {
                    loads.Enqueue(LoadAsync(member, batch, stopping));
                }

                IReadOnlyList<LoadedSaga> loaded = await loads.Dequeue().ConfigureAwait(false);
                progress.Record();
                await ForEachConcurrentlyAsync(batches[i].Length, saga => ResumeOneAsync(batches[i][saga], loaded[saga])).ConfigureAwait(false);
            }
        }
        finally
        {
            foreach (Task unused in loads) // a load must not outlive its pass
            {
                await WaitForEndAsync(unused).ConfigureAwait(false);
            }
        }

        async ValueTask ResumeOneAsync(Candidate candidate, LoadedSaga loaded)
        {
            if (stopping.IsCancellationRequested || coordinator.Fenced.IsCancellationRequested)
            {
                return; // not attempted
            }

            AdoptGeneration? older = work.Previous.TryGetValue(candidate.SagaId, out AdoptGeneration generation) ? generation : null;
            ResumeResult result = await resumer.ResumeAsync(member, candidate, loaded, older, abort).ConfigureAwait(false);
            progress.Record();
            DateTimeOffset now = time.Now;
            record(candidate.SagaId, result, now);
            if (result is ResumeResult.Recovered)
            {
                metrics.RecordRecovered(now - tracker.IdleSinceOf(candidate.SagaId, work.StartedAt));
            }
        }
    }

    private async Task<IReadOnlyList<LoadedSaga>> LoadAsync(Membership member, Candidate[] batch, CancellationToken stopping)
    {
        Task<IReadOnlyList<LoadedSaga>> load = store.LoadAsync(member, batch, stopping);
        try
        {
            // Must be durable before the first of these sagas is resumed and can crash this process.
            await guard.RecordInFlightAsync(member, [.. batch.Where(tracker.MayRun)], stopping).ConfigureAwait(false);
        }
        catch
        {
            await WaitForEndAsync(load).ConfigureAwait(false);
            throw;
        }

        return await load.ConfigureAwait(false);
    }

    /// <summary>Calls a function for each index, with the configured concurrency.</summary>
    private Task ForEachConcurrentlyAsync(int count, Func<int, ValueTask> work)
    {
        int last = -1;
        return Task.WhenAll(Enumerable.Range(0, Math.Min(_maxConcurrency, count)).Select(_ => BeginWorker(WorkAsync)));

        async Task WorkAsync()
        {
            for (int next = Interlocked.Increment(ref last); next < count; next = Interlocked.Increment(ref last))
            {
                await work(next).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Waits until a task has ended, and ignores its failure.</summary>
    private static async Task WaitForEndAsync(Task work) => await work.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}

/// <summary>The sagas that a pass or a refill resumes.</summary>
/// <param name="Sagas">The sagas, as they were listed.</param>
/// <param name="StartedAt">The start of the pass or the refill.</param>
internal sealed record ResumeWork(IReadOnlyList<Candidate> Sagas, DateTimeOffset StartedAt)
{
    /// <summary>The older generations at which this process may still run some of the sagas.</summary>
    public IReadOnlyDictionary<SagaId, AdoptGeneration> Previous { get; init; } = new Dictionary<SagaId, AdoptGeneration>();
}
