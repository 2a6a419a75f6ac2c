using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>The executed saga: a chain of four nodes that do nothing and return 200 B each. The first waits for the gate.</summary>
internal sealed class ChainSaga(Gate gate) : Saga<InFlightParameters>
{
    public const string DefinitionName = "chain";

    public const int Nodes = 4;

    /// <summary>The output of each node: 200 B of JSON.</summary>
    public static string Output { get; } = new('o', 198);

    /// <summary>The definition in its canonical form.</summary>
    public static string Dag { get; } =
        $$"""{"name":"{{DefinitionName}}","version":1,"nodes":[{{string.Join(',', Enumerable.Range(0, Nodes).Select(DagNode))}}]}""";

    public override string Name => DefinitionName;

    protected override void Define(SagaBuilder<InFlightParameters> saga)
    {
        SagaNode last = saga.Node(NodeName(0), async _ =>
        {
            await gate.PassAsync();
            return Output;
        });
        for (int node = 1; node < Nodes; node++)
        {
            last = saga.Node(NodeName(node), _ => Task.FromResult(Output), undo: null, last);
        }
    }

    private static string NodeName(int node) => $"node-{node}";

    private static string DagNode(int node) =>
        $$"""{"id":{{node}},"name":"{{NodeName(node)}}","undo":false,"after":[{{(node == 0 ? "" : node - 1)}}]}""";
}
