using SagaRecovery.Benchmarks.Subjects;

namespace SagaRecovery.Benchmarks.Data;

/// <summary>The parameters of each saga.</summary>
internal sealed record InFlightParameters(string Text);

/// <summary>
/// The saga that is recovered, as a crash leaves it: four nodes in a chain have succeeded, and two parallel ones after them had been
/// started. Resumed, both run again at once; they never end.
/// </summary>
internal sealed class InFlightSaga(Arrivals arrivals) : Saga<InFlightParameters>
{
    public const string DefinitionName = "in-flight";

    /// <summary>Ten events; each has a node's id and a type.</summary>
    public const string Events =
        """
        (0, 'started'), (0, 'succeeded'), (1, 'started'), (1, 'succeeded'), (2, 'started'), (2, 'succeeded'), (3, 'started'), (3, 'succeeded'),
        (4, 'started'), (5, 'started')
        """;

    /// <summary>Long names make the definition 2 KB.</summary>
    private static readonly string[] Nodes = [.. Enumerable.Range(0, 6).Select(node => $"node-{node}-{new string('n', 270)}")];

    /// <summary>The definition in its canonical form, 2 KB: if this is not the executor's own to the byte, it does not know the saga.</summary>
    public static string Dag { get; } =
        $$"""{"name":"{{DefinitionName}}","version":1,"nodes":[{{string.Join(',', Enumerable.Range(0, Nodes.Length).Select(DagNode))}}]}""";

    public override string Name => DefinitionName;

    protected override void Define(SagaBuilder<InFlightParameters> saga)
    {
        SagaNode<string>? last = null;
        for (int node = 0; node < 4; node++)
        {
            last = saga.Node(Nodes[node], _ => Task.FromResult(""), undo: null, [.. last is null ? Array.Empty<SagaNode>() : [last]]);
        }

        saga.Node(Nodes[4], context => EnterAsync(context.CancellationToken), undo: null, last!);
        saga.Node(Nodes[5], context => Task.Delay(Timeout.Infinite, context.CancellationToken), undo: null, last!);
    }

    private Task EnterAsync(CancellationToken cancellationToken)
    {
        arrivals.Note();
        return Task.Delay(Timeout.Infinite, cancellationToken);
    }

    private static string DagNode(int node) =>
        $$"""{"id":{{node}},"name":"{{Nodes[node]}}","undo":false,"after":[{{(node == 0 ? "" : Math.Min(node - 1, 3))}}]}""";
}
