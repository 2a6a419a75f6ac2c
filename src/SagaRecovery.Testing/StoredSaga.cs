using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing;

/// <summary>A saga as an <see cref="InMemorySagaStore"/> holds it: a copy of its row and its log.</summary>
public sealed record StoredSaga
{
    /// <summary>Which saga.</summary>
    public required SagaId Id { get; init; }

    /// <summary>The definition that it was started with.</summary>
    public required SavedDefinition Definition { get; init; }

    /// <summary>Its parameters: JSON in UTF-8.</summary>
    public required ReadOnlyMemory<byte> Parameters { get; init; }

    /// <summary>Whose it is; null: nobody's.</summary>
    public required CoordinatorId? Owner { get; init; }

    /// <summary>Where it stands.</summary>
    public SagaState State { get; init; } = SagaState.Running;

    /// <summary>Its adopt generation.</summary>
    public AdoptGeneration Generation { get; init; } = AdoptGeneration.Initial;

    /// <summary>Its log, in the order of writing.</summary>
    public IReadOnlyList<SavedNodeEvent> Events { get; init; } = [];

    /// <summary>Why it was set aside; null: it was not.</summary>
    public Abandonment? Abandonment { get; init; }

    /// <summary>The saga as recovery loads it.</summary>
    public SavedSaga ToSavedSaga() => new()
    {
        Id = Id,
        Name = Definition.Name,
        State = State,
        Generation = Generation,
        Definition = Definition,
        Parameters = Parameters,
        Events = Events,
    };
}
