using System.Diagnostics.CodeAnalysis;

namespace SagaRecovery.Testing.Contracts;

/// <summary>The assertions of the rules. Each throws <see cref="BrokenRuleException"/> if it does not hold.</summary>
internal static class Expect
{
    public static void That(bool holds, string expected, string happened)
    {
        if (!holds)
        {
            throw new BrokenRuleException(expected, happened);
        }
    }

    /// <summary>Asserts that two values are equal.</summary>
    /// <param name="actual">The observed value.</param>
    /// <param name="expected">The expected value.</param>
    /// <param name="of">The name of the value, which begins both parts of the message.</param>
    public static void Equal<T>(T actual, T expected, string of) =>
        That(EqualityComparer<T>.Default.Equals(actual, expected), $"{of}: {Print(expected)}", $"{of}: {Print(actual)}");

    /// <summary>Asserts that both sequences have the same elements in the same order.</summary>
    public static void Sequence<T>(IEnumerable<T> actual, IEnumerable<T> expected, string of)
    {
        List<T> seen = [.. actual];
        List<T> wanted = [.. expected];
        That(seen.SequenceEqual(wanted), $"{of}: {PrintAll(wanted)}", $"{of}: {PrintAll(seen)}");
    }

    /// <summary>Asserts that the expected elements, which are distinct, occur once each, in any order.</summary>
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
            $"{of}: {seen.Count}; missing: {PrintAll(missing)}; not expected: {PrintAll(excess)}");
    }

    /// <summary>Asserts that a call throws this exception or a derived one.</summary>
    [SuppressMessage("Design", "CA1031", Justification = "Any other exception is the violation to report.")]
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

    private static string PrintAll<T>(List<T> values) => values.Count switch
    {
        0 => "none",
        <= 8 => string.Join(", ", values.Select(Print)),
        _ => $"{string.Join(", ", values.Take(8).Select(Print))} and {values.Count - 8} more",
    };
}

/// <summary>The exception for a violated rule. The caller adds the name of the rule.</summary>
[SuppressMessage("Design", "CA1064", Justification = "Never leaves this assembly: a ContractViolationException replaces it.")]
internal sealed class BrokenRuleException(string expected, string happened) : Exception(happened)
{
    public string Expected { get; } = expected;

    public string Happened { get; } = happened;
}
