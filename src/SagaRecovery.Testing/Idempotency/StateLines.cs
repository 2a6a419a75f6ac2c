namespace SagaRecovery.Testing.Idempotency;

/// <summary>The state as a multiset of lines. Immutable.</summary>
internal sealed class StateLines(IEnumerable<string> lines)
{
    private readonly string[] _lines = [.. lines.Order(StringComparer.Ordinal)];

    public int Count => _lines.Length;

    /// <summary>Returns the lines that <paramref name="actual"/> has in excess (<c>+ line</c>) and those it lacks (<c>- line</c>).</summary>
    public IReadOnlyList<string> Difference(StateLines actual) =>
    [
        .. Except(actual._lines, _lines).Select(line => $"+ {line}"),
        .. Except(_lines, actual._lines).Select(line => $"- {line}"),
    ];

    /// <summary>Returns the lines that both states contain.</summary>
    public StateLines InCommon(StateLines other)
    {
        List<string> common = [.. _lines];
        foreach (string line in Except(_lines, other._lines))
        {
            common.Remove(line);
        }

        return new StateLines(common);
    }

    /// <summary>Returns the multiset difference: a line that occurs twice counts twice.</summary>
    private static List<string> Except(string[] first, string[] second)
    {
        List<string> remaining = [.. first];
        foreach (string line in second)
        {
            remaining.Remove(line);
        }

        return remaining;
    }
}

/// <summary>
/// The expected final state, taken from two identical runs. If these differ, for example because lines contain timestamps, a state must
/// contain their common lines and have the same number of lines.
/// </summary>
internal sealed class ReferenceState(StateLines first, StateLines second)
{
    private readonly StateLines _common = first.InCommon(second);

    /// <summary>Returns the differences of a state from the expected state.</summary>
    public IReadOnlyList<string> Difference(StateLines actual)
    {
        bool varies = first.Difference(second).Count > 0;
        bool hasCommonLines = !_common.Difference(actual).Any(line => line.StartsWith('-'));
        return varies && hasCommonLines && actual.Count == first.Count ? [] : first.Difference(actual);
    }
}
