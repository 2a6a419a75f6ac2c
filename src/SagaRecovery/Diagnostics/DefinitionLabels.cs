using System.Collections.Concurrent;

namespace SagaRecovery.Diagnostics;

/// <summary>The values of the label <c>definition</c> of metrics: the first names, and one value for all others, so that their number is bounded.</summary>
/// <remarks>Thread-safe.</remarks>
internal sealed class DefinitionLabels
{
    /// <summary>The number of definitions with a value of their own.</summary>
    public const int Max = 100;

    /// <summary>The value that all other definitions share.</summary>
    public const string Other = "other";

    private static readonly KeyValuePair<string, object?> s_other = Label(Other);

    private readonly ConcurrentDictionary<string, KeyValuePair<string, object?>> _labels = new(StringComparer.Ordinal);
    private readonly Lock _lock = new();

    /// <param name="names">
    /// The names that are known from the start, in any order. The first ones in ordinal order get values, so that all processes of a program agree.
    /// </param>
    public DefinitionLabels(IEnumerable<string> names)
    {
        foreach (string name in names.Order(StringComparer.Ordinal))
        {
            Of(name);
        }
    }

    /// <summary>Returns the label of a definition.</summary>
    public KeyValuePair<string, object?> Of(string name)
    {
        if (_labels.TryGetValue(name, out KeyValuePair<string, object?> label))
        {
            return label;
        }

        lock (_lock)
        {
            return _labels.Count < Max ? _labels.GetOrAdd(name, Label) : s_other;
        }
    }

    private static KeyValuePair<string, object?> Label(string value) => new("definition", value);
}
