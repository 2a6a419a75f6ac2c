using System.Collections.Concurrent;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// A cache of loaded definitions. A definition with the right hash cannot change. One with a wrong hash is not cached, so that a fix of its
/// row takes effect. Thread-safe.
/// </summary>
internal sealed class DefinitionCache
{
    /// <summary>The maximum number of cached definitions. A binary has a few dozen; further ones are loaded each time.</summary>
    private const int MaxCount = 1_000;

    private readonly ConcurrentDictionary<DefinitionHash, SavedDefinition> _definitions = new();

    public SavedDefinition? Find(DefinitionHash hash) => _definitions.GetValueOrDefault(hash);

    public void Add(SavedDefinition definition)
    {
        if (_definitions.Count < MaxCount && DefinitionHash.Of(definition.Dag.Span) == definition.Hash)
        {
            _definitions.TryAdd(definition.Hash, definition);
        }
    }
}
