using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>Which sagas to list. What is null does not narrow.</summary>
public sealed record SagaFilter
{
    /// <summary>How many at most. Default 100.</summary>
    public int Limit { get; init; } = 100;

    /// <summary>In this state.</summary>
    public SagaState? State { get; init; }

    /// <summary>Owned by this coordinator.</summary>
    public CoordinatorId? Owner { get; init; }

    /// <summary>Of a definition with this name.</summary>
    public string? Name { get; init; }

    /// <summary>Older than this one, which was the last of the page before.</summary>
    public SagaId? Before { get; init; }
}

/// <summary>One saga in a list.</summary>
/// <param name="Id">Which saga.</param>
/// <param name="Name">The name of its definition.</param>
/// <param name="State">Where it stands.</param>
/// <param name="Owner">The coordinator that owns it; null: nobody.</param>
/// <param name="Generation">Its adopt generation.</param>
/// <param name="TimeCreated">When it was inserted.</param>
/// <param name="IsHeld">Whether it is kept from being handed over.</param>
public sealed record SagaSummary(
    SagaId Id,
    string Name,
    SagaState State,
    CoordinatorId? Owner,
    AdoptGeneration Generation,
    DateTimeOffset TimeCreated,
    bool IsHeld);

/// <summary>How many sagas are alike.</summary>
/// <param name="Name">The name of their definition.</param>
/// <param name="Owner">Who owns them.</param>
/// <param name="State">Where they stand.</param>
/// <param name="Count">How many.</param>
public sealed record SagaCount(string Name, CoordinatorId? Owner, SagaState State, long Count);

/// <summary>All that there is to see of one saga. Long texts are cut at <see cref="LongestText"/> characters.</summary>
public sealed record SagaDetails
{
    /// <summary>How much of parameters, outputs and errors is read.</summary>
    public const int LongestText = 16_384;

    /// <summary>What a list shows of it.</summary>
    public required SagaSummary Summary { get; init; }

    /// <summary>Who inserted it.</summary>
    public required CoordinatorId Creator { get; init; }

    /// <summary>When its owner last changed.</summary>
    public required DateTimeOffset TimeAdopted { get; init; }

    /// <summary>The version of its definition.</summary>
    public required int Version { get; init; }

    /// <summary>The hash of its definition.</summary>
    public required DefinitionHash DefinitionHash { get; init; }

    /// <summary>Its definition as a graph; null: in a form that only its executor reads.</summary>
    public required SagaGraph? Graph { get; init; }

    /// <summary>Its parameters: the beginning of the JSON.</summary>
    public required string Parameters { get; init; }

    /// <summary>Its log, in the order of writing.</summary>
    public required IReadOnlyList<LoggedEvent> Events { get; init; }

    /// <summary>When and why it was set aside; null: it was not.</summary>
    public AbandonmentDetails? Abandonment { get; init; }

    /// <summary>That it is kept from being handed over; null: it is not.</summary>
    public HeldSaga? Hold { get; init; }

    /// <summary>Its owner, as the store knows it; null: nobody owns it, or an owner that never joined.</summary>
    public CoordinatorDetails? Owner { get; init; }
}

/// <summary>When and why a saga was set aside.</summary>
/// <param name="Time">When.</param>
/// <param name="Reason">A short code.</param>
/// <param name="Comment">For people.</param>
public sealed record AbandonmentDetails(DateTimeOffset Time, string Reason, string Comment);

/// <summary>One event of a saga's log.</summary>
/// <param name="Time">When it was written.</param>
/// <param name="NodeId">Which node.</param>
/// <param name="Node">The node's name; its number, where the graph is not known.</param>
/// <param name="Type">What happened.</param>
/// <param name="Data">The beginning of the output or the error: JSON; null: none.</param>
/// <param name="Creator">Which coordinator wrote it.</param>
public sealed record LoggedEvent(
    DateTimeOffset Time, int NodeId, string Node, NodeEventType Type, string? Data, CoordinatorId Creator);

/// <summary>A coordinator as the store knows it.</summary>
/// <param name="Id">The configured id.</param>
/// <param name="Incarnation">How many processes have joined under it.</param>
/// <param name="Host">Where the last one runs, or ran.</param>
/// <param name="ProcessId">Its process id there.</param>
/// <param name="TimeJoined">When it joined.</param>
/// <param name="Silence">How long ago it last gave a sign of life, by the store's clock.</param>
/// <param name="HasLeft">Whether it ended by shutting down.</param>
/// <param name="Paused">That its recovery is paused; null: it is not.</param>
/// <param name="InProgress">How many sagas in progress it owns; null: not counted.</param>
public sealed record CoordinatorDetails(
    CoordinatorId Id,
    Incarnation Incarnation,
    string Host,
    int ProcessId,
    DateTimeOffset TimeJoined,
    TimeSpan Silence,
    bool HasLeft,
    RecoveryPause? Paused,
    long? InProgress)
{
    /// <summary>How long a process may be silent and still count as one that answers: three missed heartbeats.</summary>
    public static TimeSpan AnswerTimeout { get; } = TimeSpan.FromSeconds(15);

    /// <summary>Where it stands.</summary>
    public CoordinatorState State { get; init; }

    /// <summary>The version of its program; null: not known.</summary>
    public string? Version { get; init; }

    /// <summary>The definitions that it can run, as <c>name v1</c>; null: it does not say, or was not asked.</summary>
    public IReadOnlyList<string>? Definitions { get; init; }

    /// <summary>Whether its process lives, as far as the store can tell.</summary>
    public bool Answers => !HasLeft && Silence < AnswerTimeout;

    /// <summary>Whether sagas may be assigned to it, as far as the store can tell.</summary>
    internal bool MayTake => State == CoordinatorState.Active && Answers;
}
