using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Loss;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The database fails over, under load, to an asynchronous standby that is behind: the last commits are lost. The service runs on, and
/// has to finish every saga that the surviving database knows. Short sagas and long ones are in flight during each loss.
/// </summary>
internal sealed class LossyFailoverScenario : Scenario
{
    private static readonly TimeSpan[] Lags = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3)];

    public override string Name => "lossy-failover";

    public override async Task RunAsync(StressRun run)
    {
        LossyPair pair = await LossyPair.StartAsync();
        await using Stage stage = await Stage.SetAsync(pair, FailoverScenario.Connection);
        ServiceProcess service = await stage.StartAsync(LossyLoad.Period);
        await service.FirstPassAsync();
        await using var load = new LossyLoad(run, stage);
        run.Log("the pair is ready");

        var round = new LossRound(run, stage, pair, load);
        var ledger = new LossLedger([.. Lags.Select(Kind)]);
        do
        {
            TimeSpan[] order = [.. Lags];
            run.Dice.Shuffle(order);
            foreach (TimeSpan lag in order)
            {
                (DatabaseLoss loss, LossTimes times) = await round.StrikeAsync(lag);
                ledger.Add(Kind(lag), loss, times);
                run.Log($"{Kind(lag)}: {loss}; {times}");
            }
        }
        while (run.Continues(ledger.HasSeenEnough));

        await LossReckoning.ReconcileAsync(run, stage, ledger, load);
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }

    private static string Kind(TimeSpan lag) => FormattableString.Invariant($"{lag.TotalSeconds} s behind");
}
