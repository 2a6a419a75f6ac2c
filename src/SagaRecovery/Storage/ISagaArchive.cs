using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The place that ended sagas are exported to before retention deletes them. Implement it to keep them elsewhere.</summary>
/// <remarks>
/// Register an implementation as a singleton, or set <c>SagaRecovery:Retention:ArchiveFolder</c> for files of JSON lines. A saga is deleted only
/// after its export was confirmed. After a crash between the two it is exported again, so readers must drop duplicates by the id of the saga.
/// Implementations must be thread-safe. They must throw on every failure: nothing of the batch is deleted then, and a later run tries again.
/// </remarks>
public interface ISagaArchive
{
    /// <summary>Exports a batch of sagas.</summary>
    /// <param name="sagas">The sagas, at least one.</param>
    /// <param name="cancellationToken">Cancels the export. The sagas then stay, and may be exported again.</param>
    /// <returns>A task that completes when all of the sagas are durable in the archive.</returns>
    Task WriteAsync(IReadOnlyList<ArchivedSaga> sagas, CancellationToken cancellationToken);
}

/// <summary>An ended saga with everything that the store knows about it.</summary>
public sealed record ArchivedSaga
{
    /// <summary>The id of the saga.</summary>
    public required SagaId Id { get; init; }

    /// <summary>The state in which the saga ended.</summary>
    public required SagaState State { get; init; }

    /// <summary>The definition of the saga.</summary>
    public required SavedDefinition Definition { get; init; }

    /// <summary>The parameters as JSON in UTF-8.</summary>
    public required ReadOnlyMemory<byte> Parameters { get; init; }

    /// <summary>The coordinator that inserted the saga.</summary>
    public required CoordinatorId Creator { get; init; }

    /// <summary>The last owner; null if it was unowned.</summary>
    public CoordinatorId? Owner { get; init; }

    /// <summary>The adopt generation of the saga.</summary>
    public required AdoptGeneration Generation { get; init; }

    /// <summary>The time at which the saga was inserted.</summary>
    public required DateTimeOffset TimeCreated { get; init; }

    /// <summary>The time at which the owner last changed.</summary>
    public required DateTimeOffset TimeAdopted { get; init; }

    /// <summary>The time at which the saga ended.</summary>
    public required DateTimeOffset TimeEnded { get; init; }

    /// <summary>The deadline of the saga; null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The cancellation of the saga; null for none.</summary>
    public SagaCancellation? Cancellation { get; init; }

    /// <summary>The abandonment of the saga; null if it was not abandoned.</summary>
    public AbandonmentDetails? Abandonment { get; init; }

    /// <summary>The node whose failure unwound the saga, or whose undo made it stuck; null if none is recorded.</summary>
    public string? FailedNode { get; init; }

    /// <summary>The code of the error of that node; null if none is recorded.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The log, in the order of writing.</summary>
    public required IReadOnlyList<ArchivedEvent> Events { get; init; }

    /// <summary>The tags, by name.</summary>
    public IReadOnlyDictionary<string, string> Tags { get; init; } = new Dictionary<string, string>();

    /// <summary>The operator actions on the saga, oldest first.</summary>
    public IReadOnlyList<OperatorAction> Actions { get; init; } = [];
}

/// <summary>One event in the log of an archived saga.</summary>
/// <param name="NodeId">The number of the node.</param>
/// <param name="Type">The type of the event.</param>
/// <param name="Data">The output or the error as JSON in UTF-8; empty if the event has none.</param>
/// <param name="Time">The time at which the event was written.</param>
/// <param name="Creator">The coordinator that wrote the event.</param>
public sealed record ArchivedEvent(int NodeId, NodeEventType Type, ReadOnlyMemory<byte> Data, DateTimeOffset Time, CoordinatorId Creator);
