namespace SagaRecovery.AspNetCore.Tests.Support;

/// <summary>A saga of two nodes, the second of which never ends by itself.</summary>
internal sealed class GatedSaga : Saga<string>
{
    public override string Name => "gated";

    protected override void Define(SagaBuilder<string> saga)
    {
        SagaNode first = saga.Node("first", _ => Task.FromResult("done"));
        saga.Node("endless", context => Task.Delay(Timeout.InfiniteTimeSpan, context.CancellationToken), after: first);
    }
}
