using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>A copy of the row and the log of a saga in an <see cref="InMemorySagaStore"/>.</summary>
public sealed record StoredSaga
{
    /// <summary>The id of the saga.</summary>
    public required SagaId Id { get; init; }

    /// <summary>The definition that the saga was started with.</summary>
    public required SavedDefinition Definition { get; init; }

    /// <summary>The parameters of the saga, as JSON in UTF-8.</summary>
    public required ReadOnlyMemory<byte> Parameters { get; init; }

    /// <summary>The coordinator that owns the saga, or null if it has no owner.</summary>
    public required CoordinatorId? Owner { get; init; }

    /// <summary>The state of the saga.</summary>
    /// <value>The default is <see cref="SagaState.Running"/>.</value>
    public SagaState State { get; init; } = SagaState.Running;

    /// <summary>The adopt generation of the saga.</summary>
    /// <value>The default is <see cref="AdoptGeneration.Initial"/>.</value>
    public AdoptGeneration Generation { get; init; } = AdoptGeneration.Initial;

    /// <summary>The log of the saga, in the order of writing.</summary>
    /// <value>The default is an empty log.</value>
    public IReadOnlyList<SavedNodeEvent> Events { get; init; } = [];

    /// <summary>The reason for which the saga was abandoned, or null if it was not.</summary>
    public Abandonment? Abandonment { get; init; }

    /// <summary>The cancellation of the saga, by a request or its deadline; null for none.</summary>
    public SagaCancellation? Cancellation { get; init; }

    /// <summary>The time at which the saga is cancelled unless it has finished, or null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The tags that the saga was started with.</summary>
    /// <value>The default is empty: no tags.</value>
    public IReadOnlyList<SagaTag> Tags { get; init; } = [];

    /// <summary>The cause for which the saga unwinds or is stuck, or null if it has none.</summary>
    public SagaFailure? Failure { get; init; }

    /// <summary>Returns the saga in the form that recovery loads.</summary>
    public SavedSaga ToSavedSaga() => new()
    {
        Id = Id,
        Name = Definition.Name,
        State = State,
        Generation = Generation,
        Definition = Definition,
        Parameters = Parameters,
        Events = Events,
        Cancellation = Cancellation,
        Deadline = Deadline,
        Abandonment = Abandonment,
    };
}
