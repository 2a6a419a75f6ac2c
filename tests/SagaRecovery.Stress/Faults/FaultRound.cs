using System.Diagnostics;
using System.Text.Json;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Faults;

/// <summary>One strike of one fault on a service under load, until it works again by itself.</summary>
internal sealed class FaultRound(StressRun run, Stage stage, ServiceProcess service, ProjectLoad load, int clients)
{
    /// <summary>Longer than the longest retry of a pass that a strike of a few seconds leads to, and than the connection's time-outs.</summary>
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);

    private const string WritesFail = "cannot write to the saga log";
    private const string WritesWork = "writes to the saga log succeed again";

    private static readonly TimeSpan LongestStrike = TimeSpan.FromSeconds(3);

    public async Task StrikeAsync(DatabaseFault fault, FaultRecord record)
    {
        // an outage is logged once, for any number of writes: that of the last strike has to be over for this one to be logged
        await Eventually.HoldsAsync(() => CountOf(WritesWork) >= CountOf(WritesFail), $"writes worked before {fault.Name}", WaitTimeout);
        long failedBefore = await FailedPassesAsync();
        (int writesFailed, long refused) = (CountOf(WritesFail), load.Others);
        await fault.StrikeAsync(stage, run.Dice);
        if (!fault.IsNoticed)
        {
            // a broken connection costs a try, and nothing fails
        }
        else if (fault.FailsPasses)
        {
            await Eventually.HoldsAsync(PassFailsAsync, $"a pass failed ({fault.Name})", WaitTimeout);
        }
        else
        {
            // perhaps no saga was in flight, and none can start: as many requests were refused as there are clients
            await Eventually.HoldsAsync(
                () => CountOf(WritesFail) > writesFailed || load.Others >= refused + clients, $"a write failed ({fault.Name})", WaitTimeout);
        }

        await Task.Delay(run.Draw(LongestStrike));
        await fault.HealAsync(stage);
        long healed = Stopwatch.GetTimestamp();
        int promised = load.Promised.Count;
        Task<TimeSpan> passes = UntilAsync(async () => await LastPassAsync() == "Completed", $"a pass completed after {fault.Name}");
        // one more than the number of clients: the last of them was requested after the recovery
        Task<TimeSpan> projects = UntilAsync(
            () => Task.FromResult(load.Promised.Count > promised + clients), $"projects were made after {fault.Name}");
        record.Add(await FailedPassesAsync() - failedBefore, await passes, await projects);
        run.Log(
            $"{fault.Name}: {record.FailedPasses} failed passes so far; passes again after {(await passes).TotalMilliseconds:F0} ms, "
            + $"projects after {(await projects).TotalMilliseconds:F0} ms");

        async Task<TimeSpan> UntilAsync(Func<Task<bool>> works, string what)
        {
            await Eventually.HoldsAsync(works, what, WaitTimeout);
            return Stopwatch.GetElapsedTime(healed);
        }
    }

    /// <summary>Requests a pass. Only until one has failed: from then on recovery retries by itself.</summary>
    private async Task<bool> PassFailsAsync()
    {
        JsonElement pass = await service.ActivateAsync();
        run.RequireNone(Totals.Unaccounted(pass));
        return pass.GetProperty("result").GetString() == "Failed";
    }

    private async Task<string?> LastPassAsync() => (await service.StatusAsync()).GetProperty("lastPass").GetProperty("result").GetString();

    private async Task<long> FailedPassesAsync() => (await service.StatusAsync()).GetProperty("totals").GetProperty("failedPasses").GetInt64();

    private int CountOf(string words) => service.Output.Count(line => line.Contains(words, StringComparison.Ordinal));
}
