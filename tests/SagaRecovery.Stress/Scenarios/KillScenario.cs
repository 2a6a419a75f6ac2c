using System.Net;
using System.Text.Json;
using EmbeddedPostgres;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service is killed (SIGKILL) at random moments, under load and in the middle of starting up and recovering, and started again at
/// once. Each process recovers what the ones before it left. Meanwhile sagas are cancelled.
/// </summary>
internal sealed class KillScenario : Scenario
{
    private const int Clients = 16;
    private const int MostDemos = 32;
    private const int LeastKills = 8;
    private const int LeastRecoveries = 4;

    /// <summary>The number of kills of which one hits the process while it starts up or recovers.</summary>
    private const int OneIsKilledYoung = 3;

    private static readonly TimeSpan Youth = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestLife = TimeSpan.FromSeconds(2);

    public override string Name => "kill";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions());
        await using var load = new ProjectLoad(() => stage.Present, Clients, pause: run.ClientPause);
        await using var canceller = new Canceller(stage, Canceller.AnyMoment);
        List<Guid> demos = [];
        var recoveries = new Recoveries();
        long kills = 0;
        long young = 0;
        while (run.Continues(kills >= LeastKills && recoveries.Timed >= LeastRecoveries && load.Promised.Count > 4 * Clients))
        {
            bool dieYoung = kills % OneIsKilledYoung == OneIsKilledYoung - 1;
            await LiveAndDieAsync(run, stage, demos, recoveries, dieYoung);
            kills++;
            young += dieYoung ? 1 : 0;
            if (kills % 10 == 0)
            {
                run.Log($"{kills} kills, {load.Promised.Count} projects");
            }
        }

        ServiceProcess last = await stage.StartAsync();
        await load.EndAsync();
        await canceller.EndAsync();
        foreach (Guid demo in demos)
        {
            using HttpResponseMessage released = await last.ReleaseDemoSagaAsync(demo);
            run.Require(released.StatusCode == HttpStatusCode.NoContent, $"demo saga {demo} could not be released: {released.StatusCode}");
        }

        run.Figures["kills"] = kills;
        run.Figures["killsWhileStarting"] = young;
        recoveries.AddFigures(run);
        await Reckoning.ReconcileAsync(run, stage, load);
        await canceller.ReconcileAsync(run, stage);
        run.RequireNone(LoggedRuns.Late(stage.Logs)); // each is dead when the next begins
        run.Require(await last.TerminateAsync() == 0, "the service did not end cleanly");
    }

    private static async Task LiveAndDieAsync(StressRun run, Stage stage, List<Guid> demos, Recoveries recoveries, bool dieYoung)
    {
        ServiceProcess service = stage.Launch();
        JsonElement? status = null;
        if (dieYoung)
        {
            await Task.Delay(run.Draw(Youth));
        }
        else
        {
            await service.ListensAsync();
            stage.Present = service;
            await service.FirstPassAsync();
            if (demos.Count < MostDemos)
            {
                demos.Add(await service.StartDemoSagaAsync());
            }

            await Task.Delay(run.Draw(LongestLife));
            status = await service.StatusAsync();
        }

        await service.KillAsync();
        ProcessLog log = await stage.RetireAsync(service);
        recoveries.Add(log, service.LaunchedAt);
        run.RequireNone(status is { } last ? Totals.Differ(last, log) ?? [] : []); // null: killed between the pass and the line about it
    }
}
