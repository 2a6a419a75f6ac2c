using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>Members for tests, to read, add and reassign sagas and to inject faults.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>A callback for each written entry, called before the writer gets its result.</summary>
    /// <value>The default is null: no callback.</value>
    /// <remarks>
    /// A task that never completes simulates a process that crashes after the commit. An exception simulates a lost response.
    /// </remarks>
    public Func<SagaLogEntry, Task>? AfterWrite { get; set; }

    private readonly List<Snapshot> _snapshots = [];

    /// <summary>The number of commits that <see cref="LoseLastCommits"/> can undo.</summary>
    /// <value>Commits, from 0. The default is 0.</value>
    /// <remarks>A value above 0 makes every write copy the whole store.</remarks>
    public int LosableCommits { get; init; }

    /// <summary>Loses the last commits, as a fail-over to a lagging standby or the restore of a backup does.</summary>
    /// <param name="count">
    /// The number of commits to lose. Limited to <see cref="LosableCommits"/> and to the commits since the last loss. 0 simulates a
    /// restart.
    /// </param>
    /// <remarks>Afterwards the store refuses every join as lost until its process rejoins.</remarks>
    public void LoseLastCommits(int count = 0)
    {
        lock (_lock)
        {
            if (Math.Min(count, _snapshots.Count) is > 0 and var lost)
            {
                (_sagas, _joins) = (_snapshots[^lost].Sagas, _snapshots[^lost].Joins);
            }

            _snapshots.Clear();
            _serverRun++;
        }
    }

    /// <summary>Copies of all sagas in their current state, ordered by id.</summary>
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

    /// <summary>Returns a copy of a saga in its current state.</summary>
    /// <exception cref="KeyNotFoundException">The store has no saga with this id.</exception>
    public StoredSaga Get(SagaId sagaId) => Find(sagaId) ?? throw new KeyNotFoundException($"The store has no saga {sagaId}.");

    /// <summary>Returns a copy of a saga in its current state, or null if the store has no saga with this id.</summary>
    public StoredSaga? Find(SagaId sagaId)
    {
        lock (_lock)
        {
            return _sagas.GetValueOrDefault(sagaId)?.ToStoredSaga();
        }
    }

    /// <summary>Adds a saga with any state and log, including illegal ones.</summary>
    /// <exception cref="ArgumentException">The store has a saga with this id.</exception>
    public void Put(StoredSaga saga)
    {
        lock (_lock)
        {
            TakeSnapshot();
            _sagas.Add(saga.Id, Row.From(saga, Time));
        }
    }

    /// <summary>Reassigns a saga to a coordinator, or to none, and raises its adopt generation, even if the owner stays the same.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="to">The new owner, or null for none.</param>
    /// <returns>The new generation.</returns>
    /// <exception cref="KeyNotFoundException">The store has no saga with this id.</exception>
    public AdoptGeneration Reassign(SagaId sagaId, CoordinatorId? to)
    {
        lock (_lock)
        {
            TakeSnapshot();
            Row row = _sagas[sagaId];
            row.Owner = to;
            row.Generation = row.Generation.Next;
            return row.Generation;
        }
    }

    /// <summary>Requests the cancellation of a running saga, as an operator or a caller does.</summary>
    /// <param name="sagaId">The saga.</param>
    /// <param name="cancellation">The request.</param>
    /// <returns>True if it was requested; false if the saga is not running any more or its cancellation was requested before.</returns>
    /// <exception cref="KeyNotFoundException">The store has no saga with this id.</exception>
    public bool Cancel(SagaId sagaId, SagaCancellation cancellation)
    {
        lock (_lock)
        {
            Row row = _sagas[sagaId];
            if (row.State != SagaState.Running || row.Cancellation is not null)
            {
                return false;
            }

            TakeSnapshot();
            row.Cancellation = cancellation;
            return true;
        }
    }

    /// <summary>Returns each state that a loss could restore: its sagas, and the incarnation of a coordinator, 0 if it had not joined.</summary>
    internal IReadOnlyList<(IReadOnlyList<StoredSaga> Sagas, long Incarnation)> LosableStates(CoordinatorId coordinator)
    {
        lock (_lock)
        {
            return [.. _snapshots.Select(before => (
                (IReadOnlyList<StoredSaga>)[.. before.Sagas.Values.Select(row => row.ToStoredSaga())],
                before.Joins.GetValueOrDefault(coordinator)?.Incarnation.Value ?? 0))];
        }
    }

    /// <summary>Returns true if the store currently accepts calls of a member.</summary>
    internal bool IsCurrent(Membership member)
    {
        lock (_lock)
        {
            return _joins.GetValueOrDefault(member.Coordinator) is { } present && present.Token == member.Token && present.ServerRun == _serverRun;
        }
    }

    /// <summary>Copies the current state before a commit, so that a loss of the commit can restore it. Requires the lock.</summary>
    private void TakeSnapshot()
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

        _snapshots.Add(new Snapshot(copies, new Dictionary<CoordinatorId, Join>(_joins)));
        if (_snapshots.Count > LosableCommits)
        {
            _snapshots.RemoveAt(0);
        }
    }

    private sealed record Snapshot(SortedDictionary<SagaId, Row> Sagas, Dictionary<CoordinatorId, Join> Joins);
}
