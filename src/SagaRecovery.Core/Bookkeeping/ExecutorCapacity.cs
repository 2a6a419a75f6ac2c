using System.Collections.ObjectModel;

namespace SagaRecovery.Bookkeeping;

/// <summary>The numbers of further sagas that an executor takes now. Immutable.</summary>
/// <remarks>The sagas beyond these numbers wait for a slot: the tracker keeps their ids, and a later refill loads and resumes them.</remarks>
/// <param name="Shared">The number for all definitions without an entry in <see cref="ByDefinition"/>, together. A negative number counts as 0.</param>
public sealed record ExecutorCapacity(int Shared)
{
    /// <summary>The capacity of an executor that takes no saga now.</summary>
    public static ExecutorCapacity None { get; } = new(0);

    /// <summary>The numbers for definitions with a limit of their own, by name. Their sagas do not count towards <see cref="Shared"/>.</summary>
    /// <value>The default is empty. Names are case-sensitive.</value>
    public IReadOnlyDictionary<string, int> ByDefinition { get; init; } = ReadOnlyDictionary<string, int>.Empty;
}

/// <summary>A capacity that is used up one saga at a time. Not thread-safe.</summary>
/// <param name="capacity">The capacity; null for no limit.</param>
internal sealed class RemainingCapacity(ExecutorCapacity? capacity)
{
    private readonly Dictionary<string, int> _byDefinition = new(capacity?.ByDefinition ?? ReadOnlyDictionary<string, int>.Empty, StringComparer.Ordinal);
    private int _shared = capacity?.Shared ?? int.MaxValue;

    /// <summary>Returns true if the executor takes a further saga of the definition.</summary>
    public bool Has(string definition) => _byDefinition.GetValueOrDefault(definition, _shared) > 0;

    /// <summary>Uses the capacity for some sagas of the definition.</summary>
    public void Use(string definition, int sagas = 1)
    {
        if (_byDefinition.TryGetValue(definition, out int own))
        {
            _byDefinition[definition] = own - sagas;
        }
        else
        {
            _shared -= sagas;
        }
    }
}
