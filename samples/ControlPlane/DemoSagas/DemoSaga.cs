using SagaRecovery;

namespace ControlPlane.DemoSagas;

internal sealed record DemoParameters;

/// <summary>A saga that does nothing but wait until someone releases it: to have sagas in flight for as long as one likes.</summary>
internal sealed class DemoSaga(DemoReleases releases) : Saga<DemoParameters>
{
    public override string Name => "demo";

    protected override void Define(SagaBuilder<DemoParameters> saga) =>
        saga.Node("wait-for-release", context => releases.WaitAsync(context.SagaId, context.CancellationToken));
}
