using SagaRecovery;

namespace ControlPlane.DemoSagas;

/// <param name="StepMilliseconds">The time that each step takes, forwards and backwards.</param>
/// <param name="Fails">Whether the last step fails, so that everything is undone.</param>
internal sealed record SlowParameters(int StepMilliseconds, bool Fails);

/// <summary>A saga of many steps that do nothing but take time, in lanes side by side: to have long logs in flight.</summary>
internal sealed class SlowSaga(TimeProvider time) : Saga<SlowParameters>
{
    /// <summary>The code of the failure that was asked for.</summary>
    public const string ToldToFail = "told-to-fail";

    private const int Lanes = 3;
    private const int StepsPerLane = 8;

    public override string Name => "demo-slow";

    protected override void Define(SagaBuilder<SlowParameters> saga)
    {
        SagaNode begin = saga.Node("begin", StepAsync, StepAsync);
        SagaNode[] ends = [.. Enumerable.Range(1, Lanes).Select(lane => Lane(saga, lane, begin))];
        saga.Node("end", EndAsync, StepAsync, ends);
    }

    private SagaNode Lane(SagaBuilder<SlowParameters> saga, int lane, SagaNode begin)
    {
        SagaNode last = begin;
        for (int step = 1; step <= StepsPerLane; step++)
        {
            last = saga.Node($"step-{lane}-{step}", StepAsync, StepAsync, last);
        }

        return last;
    }

    private Task StepAsync(NodeContext<SlowParameters> context) =>
        Task.Delay(TimeSpan.FromMilliseconds(context.Parameters.StepMilliseconds), time, context.CancellationToken);

    private async Task EndAsync(NodeContext<SlowParameters> context)
    {
        await StepAsync(context);
        if (context.Parameters.Fails)
        {
            throw new SagaActionException(ToldToFail, "The saga was started with the order to fail at its end.");
        }
    }
}
