using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using SagaRecovery.Benchmarks.Data;
using SagaRecovery.Executor;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>A service with the durable executor and chains to run.</summary>
internal static class ChainHost
{
    /// <summary>There is no signal for it, and it lasts seconds.</summary>
    private static readonly TimeSpan Poll = TimeSpan.FromMilliseconds(1);

    public static IHost Create(NpgsqlDataSource source, Guid owner, int atATime, Gate gate) => ServiceHost.Create(source, owner, recovery =>
    {
        recovery.AddDurableExecutor(options => options.MaxRunningSagas = atATime).AddSaga<ChainSaga>();
        recovery.Services.AddSingleton(gate);
    });

    /// <summary>Waits until the executor has so many sagas that are not over.</summary>
    public static async Task HasUnfinishedAsync(IHost host, int sagas)
    {
        DurableExecutor executor = host.Services.GetRequiredService<DurableExecutor>();
        while (executor.Unfinished != sagas)
        {
            await Task.Delay(Poll);
        }
    }

    /// <summary>Starts so many chains by <see cref="SagaClient"/>, so many at a time, and waits for their ends.</summary>
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
