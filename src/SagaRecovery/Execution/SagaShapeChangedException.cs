using SagaRecovery.Storage;

namespace SagaRecovery.Execution;

/// <summary>
/// The exception that is thrown when a saga is started whose shape has changed while its version has not, and the former shape is still
/// needed. Nothing was started.
/// </summary>
/// <remarks>Raise the version of the saga, or register its former shape beside it. Once no process needs the former shape, the saga can start.</remarks>
public sealed class SagaShapeChangedException : InvalidOperationException
{
    internal SagaShapeChangedException(string name, int version, string difference)
        : base(Describe(name, version, "was not started", difference))
    {
        Name = name;
        Version = version;
        Difference = difference;
    }

    /// <summary>The name of the definition.</summary>
    public string Name { get; }

    /// <summary>The version that the present shape and the former one have.</summary>
    public int Version { get; }

    /// <summary>The difference from the former shape, as a clause: <c>node 'b' was added</c>.</summary>
    public string Difference { get; }

    /// <summary>Describes a changed shape and the remedies.</summary>
    internal static string Describe(string name, int version, string consequence, string difference) =>
        $"Saga '{name}' version {version} {consequence}: {difference}, and the version was not raised. Unfinished sagas have the former shape, or another "
        + "process runs it. Raise the version, or register the former shape with AddFormerSaga().";

    /// <summary>Describes how a definition differs from the first of some other shapes.</summary>
    internal static string Describe(IReadOnlyList<SavedDefinition> others, Func<SavedDefinition, string?> describe) =>
        describe(others[0]) ?? "its nodes have changed";
}
