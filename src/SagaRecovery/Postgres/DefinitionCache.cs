using System.Collections.Concurrent;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>
/// Definitions that were loaded before: what has the right hash cannot change. What has not is not kept, so that a row which somebody
/// mends is seen. Thread-safe.
/// </summary>
internal sealed class DefinitionCache
{
    /// <summary>A binary has a few dozen; with thousands, they are loaded anew rather than kept.</summary>
    private const int Most = 1_000;

    private readonly ConcurrentDictionary<DefinitionHash, SavedDefinition> _definitions = new();

    public SavedDefinition? Find(DefinitionHash hash) => _definitions.GetValueOrDefault(hash);

    public void Add(SavedDefinition definition)
    {
        if (_definitions.Count < Most && DefinitionHash.Of(definition.Dag.Span) == definition.Hash)
        {
            _definitions.TryAdd(definition.Hash, definition);
        }
    }
}
