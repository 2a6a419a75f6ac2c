namespace SagaRecovery.Testing;

/// <content>What a test can do that no process does: look at the rows, move them, put them there.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>
    /// Called for each entry that has been written, before its writer learns of it. A task that does not complete is a process that
    /// crashed after the commit; an exception is an answer that was lost.
    /// </summary>
    public Func<SagaLogEntry, Task>? AfterWrite { get; set; }

    /// <summary>Every saga as it stands now, by id.</summary>
    public IReadOnlyList<StoredSaga> Sagas
    {
        get
        {
            lock (_lock)
            {
                return [.. _sagas.Values.Select(row => row.ToStoredSaga())];
            }
        }
    }

    /// <summary>A saga as it stands now.</summary>
    /// <exception cref="KeyNotFoundException">There is none with this id.</exception>
    public StoredSaga Get(SagaId sagaId) => Find(sagaId) ?? throw new KeyNotFoundException($"There is no saga {sagaId}.");

    /// <summary>A saga as it stands now; null: there is none with this id.</summary>
    public StoredSaga? Find(SagaId sagaId)
    {
        lock (_lock)
        {
            return _sagas.GetValueOrDefault(sagaId)?.ToStoredSaga();
        }
    }

    /// <summary>Puts a saga there, with whatever log a test asks for.</summary>
    /// <exception cref="ArgumentException">There is one with this id.</exception>
    public void Put(StoredSaga saga)
    {
        lock (_lock)
        {
            _sagas.Add(saga.Id, Row.From(saga));
        }
    }

    /// <summary>Gives a saga to another coordinator, or to nobody, and raises its generation; giving it to its owner raises it too.</summary>
    /// <returns>The new generation.</returns>
    /// <exception cref="KeyNotFoundException">There is none with this id.</exception>
    public AdoptGeneration Reassign(SagaId sagaId, CoordinatorId? to)
    {
        lock (_lock)
        {
            Row row = _sagas[sagaId];
            row.Owner = to;
            row.Generation = row.Generation.Next;
            return row.Generation;
        }
    }
}
