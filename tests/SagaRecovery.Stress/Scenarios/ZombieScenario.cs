using System.Net;
using EmbeddedPostgres;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The service is paused (SIGSTOP) under load, a successor starts under the same coordinator id and takes everything over, and then the
/// paused one continues (SIGCONT) where it was stopped. It is fenced, reports it once, and writes nothing that takes effect.
/// </summary>
internal sealed class ZombieScenario : Scenario
{
    private const int Clients = 16;
    private const int LeastZombies = 3;

    private static readonly TimeSpan FullSwing = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan LongestWait = TimeSpan.FromMilliseconds(500);

    public override string Name => "zombie";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        ServiceProcess present = await stage.StartAsync();
        await present.FirstPassAsync();
        // short timeouts: clients of the paused process switch to its successor
        await using var load = new ProjectLoad(() => stage.Present, Clients, patience: TimeSpan.FromSeconds(5), pause: run.ClientPause);
        List<Guid> demos = [];
        long zombies = 0;
        while (run.Continues(zombies >= LeastZombies))
        {
            int promised = load.Promised.Count;
            await Eventually.HoldsAsync(() => load.Promised.Count > promised + Clients, "the load was in full swing", FullSwing);
            demos.Add(await present.StartDemoSagaAsync());
            await Task.Delay(run.Draw(LongestWait));
            ServiceProcess successor = await TakeOverAsync(run, stage, present);
            zombies++;
            run.Log($"zombie {zombies} was fenced; {load.Promised.Count} projects");
            present = successor;
        }

        foreach (Guid demo in demos)
        {
            using HttpResponseMessage released = await present.ReleaseDemoSagaAsync(demo);
            run.Require(released.StatusCode == HttpStatusCode.NoContent, $"demo saga {demo} could not be released: {released.StatusCode}");
        }

        run.Figures["zombies"] = zombies;
        await Reckoning.ReconcileAsync(run, stage, load);
        run.Figures["begunLateAndRefused"] = LoggedRuns.Late(stage.Logs).Count;
        run.Require(await present.TerminateAsync() == 0, "the last service did not end cleanly");
    }

    private static async Task<ServiceProcess> TakeOverAsync(StressRun run, Stage stage, ServiceProcess older)
    {
        await older.SignalAsync("STOP");
        ServiceProcess successor = await stage.StartAsync();
        await successor.FirstPassAsync();
        await Task.Delay(run.Draw(LongestWait));

        await older.SignalAsync("CONT");
        await older.ActivateAsync(); // a pass follows, wherever it was paused
        await Eventually.HoldsAsync(() => older.Output.Any(line => line.Contains(" FTL ", StringComparison.Ordinal)), "the zombie reported that it was fenced");
        using (HttpResponseMessage refused = await older.CreateProjectAsync("too-late"))
        {
            run.Require(refused.StatusCode == HttpStatusCode.ServiceUnavailable, $"a fenced process answered {refused.StatusCode}");
        }

        await Reckoning.CheckStatusAsync(run, older);
        run.Require(await older.TerminateAsync() == 0, "a fenced process did not end cleanly");
        ProcessLog log = await stage.RetireAsync(older);
        run.Require(log.Lines.Count(line => line.Level == "FTL") == 1, $"incarnation {log.Incarnation} did not report exactly once that it was fenced");
        return successor;
    }
}
