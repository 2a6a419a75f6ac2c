using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The summary of a saga in a list.</summary>
/// <param name="Id">The id of the saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="State">The state of the saga.</param>
/// <param name="Owner">The coordinator that owns the saga; null if it is unowned.</param>
/// <param name="Generation">The adopt generation of the saga.</param>
/// <param name="TimeCreated">The time at which the saga was inserted.</param>
/// <param name="IsHeld">True if an operator or the crash-loop guard holds the saga, so that it is not resumed.</param>
public sealed record SagaSummary(
    SagaId Id,
    string Name,
    SagaState State,
    CoordinatorId? Owner,
    AdoptGeneration Generation,
    DateTimeOffset TimeCreated,
    bool IsHeld)
{
    /// <summary>The version of its definition; null if the store does not say.</summary>
    public int? Version { get; init; }

    /// <summary>The name of the node whose failure unwinds the saga, or whose undo made it stuck; null for none, or if no process has recorded it.</summary>
    public string? FailedNode { get; init; }

    /// <summary>The code of that failure; <c>cancelled</c> for a cancelled saga; null for none, or if no process has recorded it.</summary>
    public string? ErrorCode { get; init; }

    /// <summary>The phase of its run in the process that answers; null if that process does not run it, or does not say.</summary>
    /// <remarks>A store leaves it null. <c>SagaOperator.ListAsync</c> adds it, also for a saga that recovery will load when a slot is free.</remarks>
    public RunPhase? Phase { get; init; }

    /// <summary>The parts of the row that cannot be read, such as <c>time_created is 0044-03-15 00:00:00+00 BC</c>; null if all can.</summary>
    /// <remarks>A time that .NET cannot represent is shown as the nearest one, and a state that this version does not know as <see cref="SagaState.Unknown"/>.</remarks>
    public string? Unreadable { get; init; }
}

/// <summary>The details of one saga. Long texts are cut at <see cref="LongestText"/> characters.</summary>
public sealed record SagaDetails
{
    /// <summary>The maximum length of parameters, outputs and errors, in characters.</summary>
    public const int LongestText = 16_384;

    /// <summary>The summary of the saga.</summary>
    public required SagaSummary Summary { get; init; }

    /// <summary>The coordinator that inserted the saga.</summary>
    public required CoordinatorId Creator { get; init; }

    /// <summary>The time at which the owner last changed.</summary>
    public required DateTimeOffset TimeAdopted { get; init; }

    /// <summary>The version of its definition.</summary>
    public required int Version { get; init; }

    /// <summary>The hash of its definition.</summary>
    public required DefinitionHash DefinitionHash { get; init; }

    /// <summary>The definition as a graph; null if only its executor can read it.</summary>
    public required SagaGraph? Graph { get; init; }

    /// <summary>The beginning of its parameters, as JSON.</summary>
    public required string Parameters { get; init; }

    /// <summary>The log, in the order of writing. Events of a type that this version does not know are missing; the summary names them as unreadable.</summary>
    public required IReadOnlyList<LoggedEvent> Events { get; init; }

    /// <summary>The tags that the saga was started with, by name.</summary>
    public IReadOnlyList<SagaTag> Tags { get; init; } = [];

    /// <summary>The time and the reason of its abandonment; null if it is not abandoned.</summary>
    public AbandonmentDetails? Abandonment { get; init; }

    /// <summary>The hold on the saga; null if it is not held.</summary>
    public HeldSaga? Hold { get; init; }

    /// <summary>The cancellation of the saga, by a request or its deadline; null for none.</summary>
    public SagaCancellation? Cancellation { get; init; }

    /// <summary>The time at which the saga is cancelled unless it has finished; null for none.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The owner; null if the saga is unowned or its owner has never joined.</summary>
    public CoordinatorDetails? Owner { get; init; }
}

/// <summary>The abandonment of a saga.</summary>
/// <param name="Time">The time of the abandonment.</param>
/// <param name="Reason">A short code.</param>
/// <param name="Comment">An explanation for operators.</param>
public sealed record AbandonmentDetails(DateTimeOffset Time, string Reason, string Comment);

/// <summary>One event in the log of a saga, for display.</summary>
/// <param name="Time">The time at which the event was written.</param>
/// <param name="NodeId">The number of the node.</param>
/// <param name="Node">The name of the node, or its number if the graph is not known.</param>
/// <param name="Type">The type of the event.</param>
/// <param name="Data">The beginning of the output or the error, as JSON; null if the event has none.</param>
/// <param name="Creator">The coordinator that wrote the event.</param>
public sealed record LoggedEvent(
    DateTimeOffset Time, int NodeId, string Node, NodeEventType Type, string? Data, CoordinatorId Creator);

/// <summary>A coordinator as the store knows it.</summary>
/// <param name="Id">The configured id.</param>
/// <param name="Incarnation">The number of processes that have joined under the id.</param>
/// <param name="Host">The host of the last process.</param>
/// <param name="ProcessId">The process id of the last process on its host.</param>
/// <param name="TimeJoined">The time at which the last process joined.</param>
/// <param name="Silence">The time since its last heartbeat, by the clock of the store.</param>
/// <param name="HasShutDown">True if the process was shut down in order.</param>
/// <param name="Paused">The pause of its recovery; null if it is not paused.</param>
/// <param name="InProgress">The number of sagas in progress that it owns; null if they were not counted.</param>
public sealed record CoordinatorDetails(
    CoordinatorId Id,
    Incarnation Incarnation,
    string Host,
    int ProcessId,
    DateTimeOffset TimeJoined,
    TimeSpan Silence,
    bool HasShutDown,
    RecoveryPause? Paused,
    long? InProgress)
{
    /// <summary>The time without a heartbeat after which a coordinator counts as not answering.</summary>
    /// <value>15 seconds: three missed heartbeats at the default period.</value>
    public static TimeSpan AnswerTimeout { get; } = TimeSpan.FromSeconds(15);

    /// <summary>The state of the coordinator.</summary>
    public CoordinatorState State { get; init; }

    /// <summary>The version of its program; null if it is not known.</summary>
    public string? Version { get; init; }

    /// <summary>The parts of the row that cannot be read, as <see cref="SagaSummary.Unreadable"/>; null if all can.</summary>
    public string? Unreadable { get; init; }

    /// <summary>The definitions that it can run, as <c>name v1</c>; null if it does not report them or they were not read.</summary>
    public IReadOnlyList<string>? Definitions { get; init; }

    /// <summary>A value indicating whether the store has a recent heartbeat of its process.</summary>
    public bool Answers => !HasShutDown && Silence < AnswerTimeout;

    /// <summary>
    /// A value indicating whether sagas may be assigned to it, as far as the store knows. The store passes over it all the same if its recovery
    /// is paused.
    /// </summary>
    internal bool MayTake => State == CoordinatorState.Active && Answers;
}
