using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Executor;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A service with the durable executor and chains to run.</summary>
internal static class ChainHost
{
    /// <summary>The polling interval: no signal exists, and the wait takes seconds.</summary>
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    /// <param name="source">Its database.</param>
    /// <param name="owner">The coordinator that it runs as.</param>
    /// <param name="atATime">The number of concurrent sagas.</param>
    /// <param name="gate">The gate at which chains wait.</param>
    /// <param name="inFlight">The arrivals of the sagas in flight; null: the host does not know their definition.</param>
    public static IHost Create(NpgsqlDataSource source, Guid owner, int atATime, Gate gate, Arrivals? inFlight = null) =>
        ServiceHost.Create(source, owner, recovery =>
        {
            recovery.AddDurableExecutor(options => options.MaxRunningSagas = atATime).AddSaga<ChainSaga>();
            recovery.Services.AddSingleton(gate);
            if (inFlight is not null)
            {
                recovery.AddSaga<InFlightSaga>().Services.AddSingleton(inFlight);
            }
        });

    /// <summary>Waits until the executor has the given number of unfinished sagas.</summary>
    public static async Task HasUnfinishedAsync(IHost host, int sagas)
    {
        DurableExecutor executor = host.Services.GetRequiredService<DurableExecutor>();
        while (executor.Unfinished != sagas)
        {
            await Task.Delay(Poll);
        }
    }

    /// <summary>Starts the given number of chains by <see cref="SagaClient"/>, and does not wait for their ends.</summary>
    public static Task StartAsync(IHost host, int sagas)
    {
        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        ChainSaga chain = host.Services.GetRequiredService<ChainSaga>();
        var parameters = new InFlightParameters("");
        return Parallel.ForAsync(0, sagas, new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (_, _) => await client.StartAsync(chain, parameters, cancellationToken: CancellationToken.None));
    }

    /// <summary>Starts the given number of chains by <see cref="SagaClient"/>, with a limit of concurrent ones, and waits for their ends.</summary>
    public static async Task RunAsync(IHost host, int sagas, int atATime)
    {
        SagaClient client = host.Services.GetRequiredService<SagaClient>();
        ChainSaga chain = host.Services.GetRequiredService<ChainSaga>();
        var parameters = new InFlightParameters("");
        int left = sagas;
        await Task.WhenAll(Enumerable.Range(0, Math.Min(atATime, sagas)).Select(_ => StartOneByOneAsync()));

        async Task StartOneByOneAsync()
        {
            while (Interlocked.Decrement(ref left) >= 0)
            {
                SagaHandle saga = await client.StartAsync(chain, parameters);
                await saga.Completion;
            }
        }
    }
}
