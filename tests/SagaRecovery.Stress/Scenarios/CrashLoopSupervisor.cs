using System.Text.Json;
using SagaRecovery.Stress.Worker;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>Starts a worker again each time it dies, as an operating system or a cluster would.</summary>
internal static class CrashLoopSupervisor
{
    /// <summary>Restarts the worker until the given number of sagas is held and none waits.</summary>
    public static async Task<(ServiceProcess Worker, int Deaths)> RunAsync(Stage stage, string[] settings, int held, int mostDeaths, TimeSpan? timeout = null)
    {
        for (int deaths = 0; deaths <= mostDeaths; deaths++)
        {
            ServiceProcess worker = stage.LaunchWorker(WorkerHost.Verb, settings);
            await Eventually.HoldsAsync(
                async () => worker.HasExited || await IsQuietAsync(worker, held), $"the worker had died, or {held} sagas were held and the rest ran", timeout ?? TimeSpan.FromMinutes(10));
            if (!worker.HasExited)
            {
                return (worker, deaths);
            }

            await stage.RetireAsync(worker);
        }

        throw new InvalidOperationException($"The worker died more than {mostDeaths} times.");
    }

    /// <summary>
    /// It has outlived the probation of all that it has resumed: nothing is deferred, and the given number is held. Other passes may follow the one at the
    /// end of the probation, for example after a late heartbeat on a busy machine.
    /// </summary>
    private static async Task<bool> IsQuietAsync(ServiceProcess worker, int held)
    {
        try
        {
            if (worker.Http is null)
            {
                await worker.ListensAsync();
            }

            JsonElement status = await worker.StatusAsync();
            return status.GetProperty("lastPass") is { ValueKind: JsonValueKind.Object } pass
                && status.GetProperty("recentPasses").EnumerateArray().Reverse()
                    .TakeWhile(recent => recent.GetProperty("recovered").GetInt32() == 0)
                    .Any(recent => recent.GetProperty("start").GetProperty("reason").GetString() == "Probation")
                && pass.GetProperty("deferred").GetInt32() == 0
                && pass.GetProperty("recovered").GetInt32() == 0
                && pass.GetProperty("held").GetInt32() == held;
        }
        catch (Exception died) when (died is HttpRequestException or InvalidOperationException or TaskCanceledException)
        {
            return false;
        }
    }
}
