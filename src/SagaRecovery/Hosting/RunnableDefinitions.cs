using System.Collections.Concurrent;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Execution;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Hosting;

/// <summary>The definitions that the executor reports. A pass finds in them, before it loads a saga, if the executor has its definition. Thread-safe.</summary>
internal sealed class RunnableDefinitions(ISagaExecutor executor)
{
    /// <summary>The maximum number of versions that are kept. Sagas of further definitions are loaded at each attempt.</summary>
    private const int MaxVersions = 10_000;

    private readonly ConcurrentDictionary<DefinitionKey, int> _versions = new(); // of unknown definitions: a listing does not show the version

    /// <summary>Records the version of a definition that the executor does not know.</summary>
    public void NoteVersion(SavedDefinition unknown)
    {
        if (_versions.Count < MaxVersions)
        {
            _versions.TryAdd(unknown.Hash.ToKey(), unknown.Version);
        }
    }

    /// <summary>Reads the definitions that the executor reports now.</summary>
    public Reported Snapshot() => new(executor.Definitions, _versions);

    /// <summary>The definitions that the executor reported at one moment.</summary>
    internal sealed class Reported(IReadOnlyCollection<RunnableDefinition>? definitions, ConcurrentDictionary<DefinitionKey, int> versions)
    {
        private readonly HashSet<DefinitionKey> _hashes = [.. (definitions ?? []).Where(one => !one.AnyDag).Select(one => one.Hash.ToKey())];
        private readonly ILookup<string, int> _ofAnyDag = (definitions ?? []).Where(one => one.AnyDag).ToLookup(one => PlainText.OneLine(one.Name), one => one.Version);

        /// <summary>Returns the relation of the executor to a definition.</summary>
        /// <param name="name">The name of the definition, as a candidate has it.</param>
        /// <param name="definition">The definition.</param>
        public DefinitionSupport Find(string name, DefinitionKey definition)
        {
            bool mayMakeDag = versions.TryGetValue(definition, out int version) ? _ofAnyDag[name].Contains(version) : _ofAnyDag[name].Any();
            return definitions is null ? DefinitionSupport.NotReported
                : mayMakeDag || _hashes.Contains(definition) ? DefinitionSupport.Reported
                : DefinitionSupport.Missing;
        }
    }
}
