using SagaRecovery;

namespace ControlPlane.DemoSagas;

/// <summary>The parameters of a slow saga.</summary>
/// <param name="StepMilliseconds">The duration of each action and each undo.</param>
/// <param name="Fails">True to fail the last step, so that the saga unwinds.</param>
internal sealed record SlowParameters(int StepMilliseconds, bool Fails);

/// <summary>A saga of many steps that only take time, in parallel lanes, to keep sagas with long logs in flight.</summary>
internal sealed class SlowSaga(TimeProvider time) : Saga<SlowParameters>
{
    /// <summary>The error code of a requested failure.</summary>
    public const string FailureRequested = "failure-requested";

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
            throw new SagaActionException(FailureRequested, "The saga was started with a request to fail at its end.");
        }
    }
}
