namespace SagaRecovery.Testing.Idempotency;

/// <summary>The state of the world: lines, whose order means nothing. Immutable.</summary>
internal sealed class StateLines(IEnumerable<string> lines)
{
    private readonly string[] _lines = [.. lines.Order(StringComparer.Ordinal)];

    public int Count => _lines.Length;

    /// <summary>What <paramref name="present"/> has too much (<c>+ line</c>) and what it lacks (<c>- line</c>); empty: they are the same.</summary>
    public IReadOnlyList<string> Difference(StateLines present) =>
    [
        .. Surplus(present._lines, _lines).Select(line => $"+ {line}"),
        .. Surplus(_lines, present._lines).Select(line => $"- {line}"),
    ];

    /// <summary>The lines that are in both.</summary>
    public StateLines InCommon(StateLines other)
    {
        List<string> common = [.. _lines];
        foreach (string line in Surplus(_lines, other._lines))
        {
            common.Remove(line);
        }

        return new StateLines(common);
    }

    /// <summary>The lines of one that the other lacks, a line that stands there twice counted twice.</summary>
    private static List<string> Surplus(string[] of, string[] over)
    {
        List<string> surplus = [.. of];
        foreach (string line in over)
        {
            surplus.Remove(line);
        }

        return surplus;
    }
}

/// <summary>
/// The state that a run has to end in, taken from two runs that did the same. Where these differ, as they do if lines hold a time, the
/// lines that they have in common must be there, and as many in all.
/// </summary>
internal sealed class ReferenceState(StateLines first, StateLines second)
{
    private readonly StateLines _common = first.InCommon(second);

    /// <summary>What is wrong with a state; empty: nothing.</summary>
    public IReadOnlyList<string> Difference(StateLines present)
    {
        bool varies = first.Difference(second).Count > 0;
        bool lacksNone = !_common.Difference(present).Any(line => line.StartsWith('-'));
        return varies && lacksNone && present.Count == first.Count ? [] : first.Difference(present);
    }
}
