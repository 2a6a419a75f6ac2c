using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Npgsql;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Cluster;

/// <summary>One fail-over under load, until everything works again by itself and the cluster is complete.</summary>
internal sealed class FailoverRound(StressRun run, Stage stage, PatroniCluster cluster, ProjectLoad load, int clients)
{
    private static readonly TimeSpan WaitTimeout = TimeSpan.FromMinutes(5); // a node that rejoins takes seconds, on a busy machine minutes

    /// <param name="how">The kind of fail-over.</param>
    /// <param name="killService">True if the service is killed at the same moment, and started again at once.</param>
    public async Task<FailoverTimes> StrikeAsync(Failover how, bool killService)
    {
        await cluster.IsWholeAsync();
        await CommitsWaitAsync();
        PatroniNode old = await cluster.PrimaryAsync() ?? throw new InvalidOperationException("The cluster is whole and has no primary.");
        long struck = Stopwatch.GetTimestamp();
        Task strike = how switch
        {
            Failover.Switchover => cluster.SwitchOverAsync(old),
            Failover.Kill => old.KillAsync(),
            _ => old.FreezeAsync(),
        };
        Task restart = killService ? RestartServiceAsync() : Task.CompletedTask;
        Task<TimeSpan> database = SinceAsync(struck, WritesElsewhereAsync(old));
        Task<TimeSpan> pass = SinceAsync(struck, PassesAsync(restart, database));
        Task<TimeSpan> project = SinceAsync(struck, ProjectsAsync(database));
        await Task.WhenAll(strike, restart, database, pass, project);
        switch (how)
        {
            case Failover.Kill:
                old.Start();
                break;
            case Failover.Freeze:
                await old.ThawAsync();
                break;
        }

        return new FailoverTimes(await database, await pass, await project);
    }

    /// <summary>
    /// Waits until a commit has been seen to wait for the standby. That happens up to seconds after Patroni has reported that the standby is
    /// synchronous, on a busy machine; every commit until then is lost with the primary.
    /// </summary>
    private async Task CommitsWaitAsync()
    {
        long began = Stopwatch.GetTimestamp();
        await Eventually.HoldsAsync(
            () => stage.ScalarAsync<bool>("select exists (select from pg_stat_activity where wait_event = 'SyncRep')"), "a commit waited for the standby", WaitTimeout);
        TimeSpan late = Stopwatch.GetElapsedTime(began);
        if (late > TimeSpan.FromMilliseconds(500))
        {
            run.Log(string.Create(CultureInfo.InvariantCulture, $"commits began to wait for the standby {late.TotalMilliseconds:F0} ms after it was reported as synchronous"));
        }
    }

    private static async Task<TimeSpan> SinceAsync(long began, Task what)
    {
        await what;
        return Stopwatch.GetElapsedTime(began);
    }

    private async Task RestartServiceAsync()
    {
        ServiceProcess service = stage.Present!;
        await service.KillAsync();
        await stage.RetireAsync(service);
        await stage.StartAsync();
    }

    private Task WritesElsewhereAsync(PatroniNode old) => Eventually.HoldsAsync(
        async () =>
        {
            try
            {
                return await stage.ScalarAsync<int>("select inet_server_port() where not pg_is_in_recovery()") is int port and not 0 && port != old.PostgresPort;
            }
            catch (NpgsqlException)
            {
                return false;
            }
        },
        "another server accepted writes",
        WaitTimeout);

    /// <summary>Requests passes until one fails: from then on recovery retries by itself. A pass that the new primary answers is enough.</summary>
    private async Task PassesAsync(Task restart, Task database)
    {
        await restart;
        ServiceProcess service = stage.Present!;
        bool failed = false;
        string? logged = null;
        try
        {
            await Eventually.HoldsAsync(
                async () =>
                {
                    bool sameServer = !database.IsCompleted;
                    JsonElement pass = failed ? (await service.StatusAsync()).GetProperty("lastPass") : await service.ActivateAsync();
                    run.RequireNone(Totals.Unaccounted(pass));
                    string? result = pass.GetProperty("result").GetString();
                    bool completed = result == "Completed";
                    failed |= !completed;
                    LogOnce(completed ? null : $"a pass ended {result}: {pass.GetProperty("error").GetString()}");
                    return completed && (failed || !sameServer);
                },
                "a pass completed",
                WaitTimeout);
        }
        catch (TimeoutException inVain)
        {
            throw new TimeoutException($"{inVain.Message}\n{await service.StatusAsync()}\n{string.Join('\n', service.Output.TakeLast(60))}", inVain);
        }

        void LogOnce(string? present)
        {
            if (present is not null && present != logged)
            {
                run.Log(present);
            }

            logged = present;
        }
    }

    /// <summary>One more than the number of clients: the last of them was requested after the recovery.</summary>
    private async Task ProjectsAsync(Task database)
    {
        await database;
        int promised = load.Promised.Count;
        await Eventually.HoldsAsync(() => load.Promised.Count > promised + clients, "projects were made", WaitTimeout);
    }
}
