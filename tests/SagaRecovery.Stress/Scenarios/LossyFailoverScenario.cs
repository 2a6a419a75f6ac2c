using SagaRecovery.Stress.Cluster;
using SagaRecovery.Stress.Loss;

namespace SagaRecovery.Stress.Scenarios;

/// <summary>
/// The database fails over, under load, to an asynchronous standby that is behind: the last commits are lost. The service runs on, and
/// has to finish every saga that the surviving database knows. Short sagas and long ones are in flight over each loss.
/// </summary>
internal sealed class LossyFailoverScenario : Scenario
{
    private const int Clients = 8;
    private const int SlowClients = 12;

    /// <summary>So many slow sagas are in flight over each loss.</summary>
    private const int SlowInFlight = SlowClients / 2;

    /// <summary>How often the service looks for sagas that nobody runs: well within the time that the reconciliation allows.</summary>
    private const string Period = "--SagaRecovery:Period=00:00:05";

    private static readonly TimeSpan SlowStep = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan[] Lags = [TimeSpan.FromMilliseconds(100), TimeSpan.FromMilliseconds(500), TimeSpan.FromSeconds(3)];

    public override string Name => "lossy-failover";

    public override async Task RunAsync(StressRun run)
    {
        LossyPair pair = await LossyPair.StartAsync();
        await using Stage stage = await Stage.SetAsync(pair, FailoverScenario.Connection);
        ServiceProcess service = await stage.StartAsync(Period);
        await service.FirstPassAsync();
        await using var load = new ProjectLoad(() => stage.Present, Clients);
        await using var slow = new SlowLoad(service, SlowClients, SlowStep);
        run.Say("the pair stands");

        var round = new LossRound(run, stage, pair, load, Clients, SlowInFlight);
        var ledger = new LossLedger(Lags);
        do
        {
            TimeSpan[] order = [.. Lags];
            run.Dice.Shuffle(order);
            foreach (TimeSpan lag in order)
            {
                (DatabaseLoss loss, LossTimes times) = await round.StrikeAsync(lag);
                ledger.Add(lag, loss, times);
                run.Say(FormattableString.Invariant(
                    $"lag {lag.TotalSeconds} s: {loss.Sagas.Count} sagas, {loss.Ends.Count} ends, {loss.Events} events lost; {times}"));
            }
        }
        while (run.GoesOn(ledger.EachHasLost(rounds: 1)));

        await LossReckoning.ReconcileAsync(run, stage, ledger, load, slow);
        run.Require(await service.TerminateAsync() == 0, "the service did not end cleanly");
    }
}
