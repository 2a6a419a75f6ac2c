using SagaRecovery.Storage;

namespace SagaRecovery.Executor.Tests.Progress;

internal static class TestShapes
{
    /// <summary>0 → 1.</summary>
    public static SagaShape Chain { get; } = new([new("a", HasUndo: true, []), new("b", HasUndo: true, [0])]);

    /// <summary>0 → 1, 2 → 3, and 4 on its own; node 2 has no undo.</summary>
    public static SagaShape Diamond { get; } = new(
    [
        new("top", HasUndo: true, []),
        new("left", HasUndo: true, [0]),
        new("right", HasUndo: false, [0]),
        new("bottom", HasUndo: true, [1, 2]),
        new("apart", HasUndo: true, []),
    ]);

    /// <summary>The shape of the saga of the same name.</summary>
    public static SagaShape SevenNodes { get; } = new(
    [
        new("a", HasUndo: true, []),
        new("b", HasUndo: true, [0]),
        new("c", HasUndo: false, [0]),
        new("d", HasUndo: true, [1]),
        new("e", HasUndo: true, [2]),
        new("f", HasUndo: true, [3, 4]),
        new("g", HasUndo: false, [0]),
    ]);

    /// <summary>Reads <c>"0 Started, 0 Succeeded"</c>.</summary>
    public static SavedNodeEvent[] Log(string text) =>
        [.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Event)];

    private static SavedNodeEvent Event(string text)
    {
        string[] parts = text.Split(' ');
        return new SavedNodeEvent(int.Parse(parts[0]), Enum.Parse<NodeEventType>(parts[1]), default);
    }
}
