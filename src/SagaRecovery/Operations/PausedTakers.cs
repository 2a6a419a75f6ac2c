using SagaRecovery.Status;

namespace SagaRecovery.Operations;

/// <summary>Describes the coordinators that could take sagas, and receive none because their recovery is paused.</summary>
internal static class PausedTakers
{
    /// <summary>The number of coordinators that are named.</summary>
    private const int MaxNamed = 3;

    /// <returns>A clause that ends a sentence, such as <c>, while recovery of coordinator … is paused</c>; empty if none is paused.</returns>
    public static string Describe(IReadOnlyList<CoordinatorId> paused) => paused.Count switch
    {
        0 => "",
        1 => $", while recovery of coordinator {paused[0]} is paused",
        <= MaxNamed => $", while recovery of coordinators {string.Join(", ", paused)} is paused",
        _ => $", while recovery of coordinators {string.Join(", ", paused.Take(MaxNamed))} and {PlainText.Count(paused.Count - MaxNamed, "other")} is paused",
    };
}
