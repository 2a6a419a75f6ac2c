using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using SagaRecovery;

namespace VersionWorker;

/// <summary>Keeps a number of sagas under way, and prints a line for each start, end and refusal.</summary>
internal sealed class Load(SagaClient client, CountedSaga saga, IConfiguration configuration) : BackgroundService
{
    private static readonly TimeSpan AfterRefusal = TimeSpan.FromMilliseconds(200);

    protected override Task ExecuteAsync(CancellationToken stoppingToken) =>
        Task.WhenAll(Enumerable.Range(0, configuration.GetValue<int>("Load")).Select(_ => RepeatAsync(stoppingToken)));

    private async Task RepeatAsync(CancellationToken stoppingToken)
    {
        for (int number = 0; !stoppingToken.IsCancellationRequested; number++)
        {
            try
            {
                SagaHandle handle = await client.StartAsync(saga, new Batch(number), cancellationToken: stoppingToken);
                Console.WriteLine($"started {handle.SagaId}");
                Console.WriteLine($"ended {handle.SagaId} {(await handle.Completion).GetType().Name}");
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception refusal) // the test reads it
            {
                Console.WriteLine($"refused {refusal.GetType().Name}: {refusal.Message}");
                await Task.Delay(AfterRefusal, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }
}
