using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>A row and its log.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>Only touched under the store's lock.</summary>
    private sealed class Row
    {
        private readonly List<SavedNodeEvent> _events = [];
        private readonly HashSet<(int, NodeEventType)> _keys = [];

        public required SagaId Id { get; init; }

        public required SavedDefinition Definition { get; init; }

        public required ReadOnlyMemory<byte> Parameters { get; init; }

        public required CoordinatorId? Owner { get; set; }

        public SagaState State { get; set; } = SagaState.Running;

        public AdoptGeneration Generation { get; set; } = AdoptGeneration.Initial;

        public Abandonment? Abandonment { get; set; }

        public bool IsInProgress => State is SagaState.Running or SagaState.Unwinding;

        public static Row From(StoredSaga saga)
        {
            var row = new Row
            {
                Id = saga.Id,
                Definition = saga.Definition,
                Parameters = saga.Parameters,
                Owner = saga.Owner,
                State = saga.State,
                Generation = saga.Generation,
                Abandonment = saga.Abandonment,
            };
            row._events.AddRange(saga.Events); // as given: an illegal log may hold an event twice
            row._keys.UnionWith(saga.Events.Select(Key));
            return row;
        }

        /// <summary>Whether an entry of the owner says anything new.</summary>
        public bool WouldChange(SagaLogEntry entry) =>
            IsInProgress && ((entry.NewState ?? State) != State || entry.Events.Any(nodeEvent => !_keys.Contains(Key(nodeEvent))));

        /// <summary>Writes an entry of the owner; one that stands there already counts as written.</summary>
        public bool TryWrite(SagaLogEntry entry)
        {
            if (!IsInProgress)
            {
                // An ended saga takes nothing new, but the writer of its last entries may not have heard that they were written.
                return entry.Events.All(nodeEvent => _keys.Contains(Key(nodeEvent))) && HasBeenIn(entry);
            }

            Write(entry);
            return true;
        }

        /// <summary>Writes what is missing of an entry, whatever the state of the saga.</summary>
        public void Write(SagaLogEntry entry)
        {
            foreach (SavedNodeEvent nodeEvent in entry.Events)
            {
                if (_keys.Add(Key(nodeEvent)))
                {
                    _events.Add(nodeEvent);
                }
            }

            State = entry.NewState ?? State;
        }

        public Row Copy() => From(ToStoredSaga());

        /// <summary>Whether every event that stands here is among these.</summary>
        public bool HoldsNothingBut(IEnumerable<SavedNodeEvent> events) => _keys.IsSubsetOf(events.Select(Key));

        public StoredSaga ToStoredSaga() => new()
        {
            Id = Id,
            Definition = Definition,
            Parameters = Parameters,
            Owner = Owner,
            State = State,
            Generation = Generation,
            Events = [.. _events],
            Abandonment = Abandonment,
        };

        public SavedSaga ToSavedSaga() => ToStoredSaga().ToSavedSaga();

        /// <summary>Whether the state of an entry whose events stand here was taken: it is the present one, or one that was passed.</summary>
        private bool HasBeenIn(SagaLogEntry entry) =>
            entry.NewState is null || entry.NewState == State
            || (entry is { NewState: SagaState.Running or SagaState.Unwinding, Events.Count: > 0 });

        private static (int, NodeEventType) Key(SavedNodeEvent nodeEvent) => (nodeEvent.NodeId, nodeEvent.Type);
    }
}
