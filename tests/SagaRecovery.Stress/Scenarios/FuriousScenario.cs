using System.Text.Json;
using EmbeddedPostgres;
using SagaRecovery.Stress.Reconciliation;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// Projects are created as fast as 16 and then 64 clients can, while recovery passes run without pause. Nothing is ever
/// to be recovered: every saga is being run by the very process that lists it. The model's own run of this kind, on one afternoon: 3,142
/// sagas, 94 passes, 636 skips, nothing recovered, no warning.
/// </summary>
internal sealed class FuriousScenario : Scenario
{
    /// <summary>The least number of activations by two concurrent callers, whom one pass may answer together; for each number of clients.</summary>
    private const int LeastActivations = 120;

    private static readonly int[] Crowds = [16, 64];

    public override string Name => "furious";

    public override async Task RunAsync(StressRun run)
    {
        await using Stage stage = await Stage.SetAsync(new ClusterOptions { Durable = false });
        ServiceProcess service = await stage.StartAsync();
        List<ProjectLoad> loads = [];
        for (int crowd = 0; crowd < Crowds.Length; crowd++)
        {
            int clients = Crowds[crowd];
            double share = (crowd + 1.0) / Crowds.Length;
            await using var load = new ProjectLoad(() => stage.Present, clients, $"of-{clients}", pause: run.ClientPause);
            loads.Add(load);
            long activations = await ActivateAsync(run, service, done => run.Continues(done >= LeastActivations && load.Promised.Count > 4 * clients, share));
            run.Log($"{clients} clients: {load.Promised.Count} projects, {activations} activations");
        }

        await Reckoning.ReconcileAsync(run, stage, loads);
        ProcessLog log = stage.Logs.Single();
        run.Require(log.Count(LogEventId.Recovered) == 0, "a saga was recovered though this process ran it");
        run.Require(log.Count(LogEventId.PassFailed) == 0, "a pass failed");
        run.RequireNone(log.Lines.Where(line => line.IsWarning).Select(line => $"the service complained: {line.Message}"));
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }

    /// <summary>Two callers alternate, so that the next pass is requested before one ends.</summary>
    private static async Task<long> ActivateAsync(StressRun run, ServiceProcess service, Func<long, bool> continues)
    {
        long passes = 0;
        List<JsonElement>[] reports = await Task.WhenAll(Enumerable.Range(0, 2).Select(async _ =>
        {
            List<JsonElement> mine = [];
            while (continues(Interlocked.Read(ref passes)))
            {
                mine.Add(await service.ActivateAsync());
                Interlocked.Increment(ref passes);
            }

            return mine;
        }));
        run.RequireNone(reports.SelectMany(mine => mine).SelectMany(Totals.Unaccounted));
        return passes;
    }
}
