using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>What a test can do that no process does: look at the rows, move them, put them there.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>
    /// Called for each entry that has been written, before its writer learns of it. A task that does not complete is a process that
    /// crashed after the commit; an exception is an answer that was lost.
    /// </summary>
    public Func<SagaLogEntry, Task>? AfterWrite { get; set; }

    private readonly List<Committed> _past = [];

    /// <summary>How many of the last commits can be lost. Each costs a copy of the whole store. Default 0.</summary>
    public int LosableCommits { get; init; }

    /// <summary>
    /// Fails over to a standby that was behind, or restores a backup: the last commits are gone, and every join counts no more until its
    /// process has joined again. Losing none is a restart.
    /// </summary>
    /// <param name="count">How many; at most <see cref="LosableCommits"/>, and what there were since the last loss.</param>
    public void LoseLastCommits(int count = 0)
    {
        lock (_lock)
        {
            if (Math.Min(count, _past.Count) is > 0 and var lost)
            {
                (_sagas, _joins) = (_past[^lost].Sagas, _past[^lost].Joins);
            }

            _past.Clear();
            _serverRun++;
        }
    }

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
            Commit();
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
            Commit();
            Row row = _sagas[sagaId];
            row.Owner = to;
            row.Generation = row.Generation.Next;
            return row.Generation;
        }
    }

    /// <summary>What a loss of the last commits would go back to: each state, and the number of a coordinator's join in it.</summary>
    internal IReadOnlyList<(IReadOnlyList<StoredSaga> Sagas, long Incarnation)> Past(CoordinatorId coordinator)
    {
        lock (_lock)
        {
            return [.. _past.Select(before => (
                (IReadOnlyList<StoredSaga>)[.. before.Sagas.Values.Select(row => row.ToStoredSaga())],
                before.Joins.GetValueOrDefault(coordinator)?.Incarnation.Value ?? 0))];
        }
    }

    /// <summary>Whether a member's writes count now.</summary>
    internal bool Counts(Membership member)
    {
        lock (_lock)
        {
            return _joins.GetValueOrDefault(member.Coordinator) is { } present && present.Token == member.Token && present.ServerRun == _serverRun;
        }
    }

    /// <summary>Keeps the present state, to which a loss of what follows goes back. Under the lock.</summary>
    private void Commit()
    {
        if (LosableCommits == 0)
        {
            return;
        }

        var copies = new SortedDictionary<SagaId, Row>();
        foreach ((SagaId id, Row row) in _sagas)
        {
            copies.Add(id, row.Copy());
        }

        _past.Add(new Committed(copies, new Dictionary<CoordinatorId, Join>(_joins)));
        if (_past.Count > LosableCommits)
        {
            _past.RemoveAt(0);
        }
    }

    private sealed record Committed(SortedDictionary<SagaId, Row> Sagas, Dictionary<CoordinatorId, Join> Joins);
}
