using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery.Testing.Contracts;

/// <summary>What a rule demands of what it sees.</summary>
internal static class Expect
{
    public static void That(bool holds, string expected, string happened)
    {
        if (!holds)
        {
            throw new BrokenRuleException(expected, happened);
        }
    }

    /// <param name="actual">What was seen.</param>
    /// <param name="expected">What should have been.</param>
    /// <param name="of">What it is about; begins both sentences.</param>
    public static void Equal<T>(T actual, T expected, string of) =>
        That(EqualityComparer<T>.Default.Equals(actual, expected), $"{of}: {Print(expected)}", $"{of}: {Print(actual)}");

    /// <summary>The same, in the same order.</summary>
    public static void Sequence<T>(IEnumerable<T> actual, IEnumerable<T> expected, string of)
    {
        List<T> seen = [.. actual];
        List<T> wanted = [.. expected];
        That(seen.SequenceEqual(wanted), $"{of}: {ShowAll(wanted)}", $"{of}: {ShowAll(seen)}");
    }

    /// <summary>As many of each, in any order.</summary>
    public static void SameSet<T>(IEnumerable<T> actual, IEnumerable<T> expected, string of)
        where T : notnull
    {
        List<T> seen = [.. actual];
        List<T> wanted = [.. expected];
        List<T> missing = [.. wanted.Except(seen)];
        List<T> excess = [.. seen.Except(wanted)];
        That(
            missing.Count == 0 && excess.Count == 0 && seen.Count == wanted.Count,
            $"{of}: these {wanted.Count}, each once",
            $"{of}: {seen.Count}; missing: {ShowAll(missing)}; not expected: {ShowAll(excess)}");
    }

    /// <summary>That a call is refused with this exception, whatever it is derived to.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "The wrong exception is what is looked for.")]
    public static async Task<TException> ThrowsAsync<TException>(Func<Task> call, string of)
        where TException : Exception
    {
        string happened;
        try
        {
            await call().ConfigureAwait(false);
            happened = "no exception";
        }
        catch (TException expected)
        {
            return expected;
        }
        catch (Exception other)
        {
            happened = $"{other.GetType().Name}: {other.Message}";
        }

        throw new BrokenRuleException($"{of}: a {typeof(TException).Name}", $"{of}: {happened}");
    }

    private static string Print<T>(T value) => value is null ? "nothing" : $"{value}";

    private static string ShowAll<T>(List<T> values) => values.Count switch
    {
        0 => "none",
        <= 8 => string.Join(", ", values.Select(Print)),
        _ => $"{string.Join(", ", values.Take(8).Select(Print))} and {values.Count - 8} more",
    };
}

/// <summary>A rule is broken; which, is known where it was called from.</summary>
[SuppressMessage("Design", "CA1064", Justification = "Never leaves this assembly: it becomes a ContractViolationException.")]
internal sealed class BrokenRuleException(string expected, string happened) : Exception(happened)
{
    public string Expected { get; } = expected;

    public string Happened { get; } = happened;
}
