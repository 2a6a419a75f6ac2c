using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <content>The row of a saga and its log.</content>
public sealed partial class InMemorySagaStore
{
    /// <summary>A row with its log. Not thread-safe: access requires the store's lock.</summary>
    private sealed class Row
    {
        private readonly List<SavedNodeEvent> _events = [];
        private readonly HashSet<(int, NodeEventType)> _keys = [];
        private SagaState _state = SagaState.Running;

        public required SagaId Id { get; init; }

        public required SavedDefinition Definition { get; init; }

        public required ReadOnlyMemory<byte> Parameters { get; init; }

        public required CoordinatorId? Owner { get; set; }

        /// <summary>The clock. It must be set before the state.</summary>
        public required TimeProvider Time { get; init; }

        public DateTimeOffset TimeCreated { get; set; }

        /// <summary>The time at which the saga ended; null while it is in progress.</summary>
        public DateTimeOffset? TimeEnded { get; private set; }

        public SagaState State
        {
            get => _state;
            set
            {
                if (value != _state)
                {
                    _state = value;
                    TimeEnded = IsInProgress ? null : Time.GetUtcNow();
                }
            }
        }

        /// <summary>A text that differs after any change.</summary>
        public string Stamp => $"{State}/{Generation}/{_events.Count}/{TimeEnded:O}";

        public AdoptGeneration Generation { get; set; } = AdoptGeneration.Initial;

        public Abandonment? Abandonment { get; set; }

        public SagaCancellation? Cancellation { get; set; }

        public DateTimeOffset? Deadline { get; init; }

        public IReadOnlyList<SagaTag> Tags { get; init; } = [];

        public SagaFailure? Failure { get; set; }

        public bool IsInProgress => State is SagaState.Running or SagaState.Unwinding;

        public static Row From(StoredSaga saga, TimeProvider time)
        {
            var row = new Row
            {
                Time = time,
                TimeCreated = time.GetUtcNow(),
                Id = saga.Id,
                Definition = saga.Definition,
                Parameters = saga.Parameters,
                Owner = saga.Owner,
                State = saga.State,
                Generation = saga.Generation,
                Abandonment = saga.Abandonment,
                Cancellation = saga.Cancellation,
                Deadline = saga.Deadline,
                Tags = saga.Tags,
                Failure = saga.Failure,
            };
            row._events.AddRange(saga.Events); // unchanged: a test may store an illegal log, with an event twice
            row._keys.UnionWith(saga.Events.Select(Key));
            return row;
        }

        /// <summary>Returns true if an entry of the owner would change the row or the log.</summary>
        public bool WouldChange(SagaLogEntry entry) =>
            IsInProgress && ((entry.NewState ?? State) != State || entry.Events.Any(nodeEvent => !_keys.Contains(Key(nodeEvent))));

        /// <summary>Writes an entry of the owner. A repeated entry counts as written.</summary>
        public bool TryWrite(SagaLogEntry entry)
        {
            if (!IsInProgress)
            {
                // An ended saga accepts nothing new, but its writer repeats the final entries if it did not get the response.
                return entry.Events.All(nodeEvent => _keys.Contains(Key(nodeEvent))) && HasReached(entry);
            }

            if (IsRefusedSuccess(entry))
            {
                return false;
            }

            Write(entry);
            return true;
        }

        /// <summary>Returns true if an entry ends the saga with success although its cancellation was requested.</summary>
        public bool IsRefusedSuccess(SagaLogEntry entry) => IsInProgress && Cancellation is not null && entry.NewState is SagaState.Succeeded;

        /// <summary>Writes the missing events of an entry and its state, with a missing cancellation, regardless of the current state.</summary>
        public void Write(SagaLogEntry entry)
        {
            foreach (SavedNodeEvent nodeEvent in entry.Events)
            {
                if (_keys.Add(Key(nodeEvent)))
                {
                    _events.Add(nodeEvent);
                }
            }

            if (entry.NewState is { } state && state != State)
            {
                State = state;
                Cancellation ??= entry.Cancellation;
                Failure = entry.Failure ?? Failure;
            }
        }

        /// <summary>Writes everything that a run knows, including a cancellation that was lost.</summary>
        public void Restore(SagaLogEntry everything)
        {
            Write(everything);
            Cancellation ??= everything.Cancellation;
        }

        public Row Copy()
        {
            Row copy = From(ToStoredSaga(), Time);
            (copy.TimeCreated, copy.TimeEnded) = (TimeCreated, TimeEnded);
            return copy;
        }

        /// <summary>Returns true if the log contains no event that the run cannot know, and every one that must not be restored.</summary>
        public bool CanRestore(SagaLogEntry everything) =>
            _events.TrueForAll(present => everything.Events.Any(known => Key(known) == Key(present)) || everything.OpenSteps.Any(step => step.EndsWith(present)))
            && everything.WrittenWithData.All(nodeEvent => _keys.Contains(Key(nodeEvent)));

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
            Cancellation = Cancellation,
            Deadline = Deadline,
            Tags = Tags,
            Failure = Failure,
        };

        public SavedSaga ToSavedSaga() => ToStoredSaga().ToSavedSaga();

        /// <summary>Returns true if the state of an entry whose events are stored is the current state or an earlier one.</summary>
        private bool HasReached(SagaLogEntry entry) =>
            entry.NewState is null || entry.NewState == State
            || (entry is { NewState: SagaState.Running or SagaState.Unwinding, Events.Count: > 0 });

        private static (int, NodeEventType) Key(SavedNodeEvent nodeEvent) => (nodeEvent.NodeId, nodeEvent.Type);
    }
}
