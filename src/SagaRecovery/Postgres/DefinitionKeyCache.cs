using System.Collections.Concurrent;
using System.Data.Common;
using SagaRecovery.Bookkeeping;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>A cache with one key for each definition, so that a listing allocates nothing for a saga whose definition was listed before. Thread-safe.</summary>
internal sealed class DefinitionKeyCache
{
    /// <summary>The maximum number of cached keys. A binary has a few dozen; sagas of further definitions get a key each.</summary>
    private const int MaxCount = 10_000;

    private readonly ConcurrentDictionary<DefinitionHash, DefinitionKey> _keys = new();

    private DefinitionKey Get(DefinitionHash hash)
    {
        if (_keys.TryGetValue(hash, out DefinitionKey? key))
        {
            return key;
        }

        key = hash.ToKey();
        return _keys.Count < MaxCount ? _keys.GetOrAdd(hash, key) : key;
    }

    /// <summary>Reads keys from the rows of one listing. Not thread-safe.</summary>
    public sealed class Reader(DefinitionKeyCache cache)
    {
        private readonly byte[] _bytes = new byte[32]; // of a SHA-256; one buffer for all rows
        private (DefinitionHash Hash, DefinitionKey? Key) _last; // the previous saga often has the same definition

        public DefinitionKey Read(DbDataReader row, int ordinal)
        {
            row.GetBytes(ordinal, dataOffset: 0, _bytes, bufferOffset: 0, _bytes.Length);
            DefinitionHash hash = DefinitionHash.FromBytes(_bytes);
            if (_last.Key is null || hash != _last.Hash)
            {
                _last = (hash, cache.Get(hash));
            }

            return _last.Key;
        }
    }
}
