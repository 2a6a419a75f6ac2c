using System.Diagnostics;
using System.Text.Json;
using SagaRecovery.Stress.Cluster;

namespace SagaRecovery.Stress.Loss;

/// <summary>One fail-over under load to a standby that is behind, until the service works again by itself and there is a new standby.</summary>
internal sealed class LossRound(StressRun run, Stage stage, LossyPair pair, LossyLoad load)
{
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromSeconds(60);

    /// <summary>The age at the cut from which rows are on both servers: the standby had caught up since.</summary>
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(10);

    /// <param name="lag">The time that the primary lives on after the standby was cut off.</param>
    public async Task<(DatabaseLoss Loss, LossTimes Times)> StrikeAsync(TimeSpan lag)
    {
        await load.IsInFullSwingAsync();
        await pair.StandbyCatchesUpAsync();
        DateTimeOffset since = DateTimeOffset.UtcNow - Margin;
        pair.Cut();
        await Task.Delay(lag); // commits that the standby will not have
        long struck = Stopwatch.GetTimestamp();
        await pair.Primary.KillAsync();
        await pair.StandbyHasReplayedAsync();
        SagaSnapshot kept = await SagaSnapshot.ReadAsync(pair.Standby.ConnectionString(LossyPair.Database), since);
        await pair.PromoteAsync();
        TimeSpan database = Stopwatch.GetElapsedTime(struck);
        Task<TimeSpan?> pass = SinceAsync(struck, PassCompletesAsync);
        Task<TimeSpan?> project = SinceAsync(struck, load.MakesProjectsAsync);
        SagaSnapshot old = await ReadTheDeadAsync(since);
        var times = new LossTimes(database, await pass, await project);
        run.Require(times.Pass is not null, $"no pass completed within {WaitTimeout} of a fail-over with {lag.TotalSeconds} s of lag");
        run.Require(times.Project is not null, $"no projects were made within {WaitTimeout} of a fail-over with {lag.TotalSeconds} s of lag");
        run.Require(!DatabaseLoss.IsBackwards(old, kept), "the standby had what its primary never had: the scenario reads them wrongly");
        await pair.RebuildAsync();
        return (DatabaseLoss.Between(old, kept), times);
    }

    /// <summary>Starts the dead primary out of the reach of the service, and reads all that it had committed.</summary>
    private async Task<SagaSnapshot> ReadTheDeadAsync(DateTimeOffset since)
    {
        PlainServer dead = pair.Standby;
        await dead.StartAsideAsync();
        SagaSnapshot old = await SagaSnapshot.ReadAsync(dead.ConnectionString(LossyPair.Database), since);
        await dead.StopAsync();
        return old;
    }

    /// <summary>Waits for a pass that recovery makes by itself.</summary>
    private async Task PassCompletesAsync()
    {
        long before = Iteration(await stage.Present!.StatusAsync());
        await Eventually.HoldsAsync(
            async () =>
            {
                JsonElement status = await stage.Present!.StatusAsync();
                return Iteration(status) > before + 1 && status.GetProperty("lastPass").GetProperty("result").GetString() == "Completed";
            },
            "a pass completed",
            WaitTimeout);
    }

    private static long Iteration(JsonElement status) => status.GetProperty("lastPass").GetProperty("start").GetProperty("iteration").GetInt64();

    private static async Task<TimeSpan?> SinceAsync(long began, Func<Task> what)
    {
        try
        {
            await what();
            return Stopwatch.GetElapsedTime(began);
        }
        catch (TimeoutException)
        {
            return null;
        }
    }
}

/// <summary>The times from the kill until something worked again; null: it did not within the patience of the round, or was not measured.</summary>
/// <param name="Database">The standby was promoted.</param>
/// <param name="Pass">A pass had completed that began after that.</param>
/// <param name="Project">Projects were being created.</param>
internal sealed record LossTimes(TimeSpan? Database, TimeSpan? Pass, TimeSpan? Project)
{
    public override string ToString() => FormattableString.Invariant(
        $"writes after {Database?.TotalMilliseconds:F0} ms, passes after {Pass?.TotalMilliseconds:F0} ms, projects after {Project?.TotalMilliseconds:F0} ms");
}
