using SagaRecovery;

namespace ControlPlane.DemoSagas;

internal sealed record DemoParameters;

/// <summary>A saga that only waits until it is released, to keep sagas in flight for any length of time.</summary>
internal sealed class DemoSaga(DemoReleases releases) : Saga<DemoParameters>
{
    public override string Name => "demo";

    protected override void Define(SagaBuilder<DemoParameters> saga) =>
        saga.Node("wait-for-release", context => releases.WaitAsync(context.SagaId, context.CancellationToken));
}
