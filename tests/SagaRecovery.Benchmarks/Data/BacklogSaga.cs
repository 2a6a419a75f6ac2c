using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>A short saga of two nodes, of which an outage has left many unfinished. It notes when it begins and when its last node has run.</summary>
internal sealed class BacklogSaga(Backlog backlog) : Saga<InFlightParameters>
{
    public const string DefinitionName = "backlog";

    /// <summary>The definition in its canonical form.</summary>
    public const string Dag =
        """{"name":"backlog","version":1,"nodes":[{"id":0,"name":"first","undo":false,"after":[]},{"id":1,"name":"last","undo":false,"after":[0]}]}""";

    public override string Name => DefinitionName;

    protected override void Define(SagaBuilder<InFlightParameters> saga)
    {
        SagaNode<string> first = saga.Node("first", _ =>
        {
            backlog.Begun.Note();
            return Task.FromResult("");
        });
        saga.Node(
            "last",
            _ =>
            {
                backlog.Ended.Note();
                return Task.FromResult("");
            },
            undo: null,
            first);
    }
}
