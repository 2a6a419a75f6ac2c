using System.Text;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>A row of <see cref="SearchStatements.List"/>.</summary>
internal record SagaSummaryRow
{
    public Guid Id { get; init; }

    public required string Name { get; init; }

    public required string State { get; init; }

    public Guid? Owner { get; init; }

    public long Generation { get; init; }

    public DateTime TimeCreated { get; init; }

    public bool IsHeld { get; init; }

    public int? Version { get; init; }

    public string? FailedNode { get; init; }

    public string? ErrorCode { get; init; }

    /// <summary>The faults of the times of the row; null for none. See <see cref="StoredTimes"/>.</summary>
    public string? Faults { get; init; }

    public SagaSummary ToSummary()
    {
        bool isKnown = SagaNames.TryParse(State, out SagaState state);
        return new SagaSummary(
            new SagaId(Id),
            Name,
            isKnown ? state : SagaState.Unknown,
            Owner is { } owner ? new CoordinatorId(owner) : null,
            new AdoptGeneration(Generation),
            new DateTimeOffset(TimeCreated),
            IsHeld)
        {
            Version = Version,
            FailedNode = FailedNode,
            ErrorCode = ErrorCode,
            Unreadable = StoredTimes.Join(isKnown ? null : $"state is '{PlainText.OneLine(State)}', which this version does not know", Faults),
        };
    }
}

/// <summary>A row of <see cref="OperatorStatements.FindSaga"/>.</summary>
internal sealed record SagaDetailsRow : SagaSummaryRow
{
    public Guid Creator { get; init; }

    public DateTime TimeAdopted { get; init; }

    public string[] Tags { get; init; } = [];

    public required byte[] Hash { get; init; }

    public required string Dag { get; init; }

    public required string Parameters { get; init; }

    public DateTime? AbandonTime { get; init; }

    public string? AbandonReason { get; init; }

    public string? AbandonComment { get; init; }

    public DateTime? TimeHeld { get; init; }

    public string? HoldActor { get; init; }

    public string? HoldReason { get; init; }

    public bool HoldStopsRun { get; init; }

    public DateTime? Deadline { get; init; }

    public DateTime? CancelTime { get; init; }

    public string? CancelActor { get; init; }

    public string? CancelReason { get; init; }

    /// <summary>The faults of the times that a list does not show; null for none.</summary>
    public string? OtherFaults { get; init; }

    public SagaDetails ToDetails(IReadOnlyList<EventRow> events, CoordinatorRow? owner)
    {
        var graph = SagaGraph.TryRead(Encoding.UTF8.GetBytes(Dag));
        SagaSummary summary = ToSummary();
        return new SagaDetails
        {
            Summary = summary with { Unreadable = StoredTimes.Join([summary.Unreadable, OtherFaults, .. events.Select(row => row.FaultIn(graph)).Take(EventRow.MaxFaults)]) },
            Creator = new CoordinatorId(Creator),
            TimeAdopted = new DateTimeOffset(TimeAdopted),
            Version = Version ?? 0,
            DefinitionHash = DefinitionHash.FromBytes(Hash),
            Graph = graph,
            Parameters = Parameters,
            Events = [.. events.Select(row => row.ToEvent(graph)).OfType<LoggedEvent>()],
            Tags = [.. Tags.Select(text => text.Split('=', 2)).Select(parts => new SagaTag(parts[0], parts[1]))],
            Abandonment = AbandonTime is { } abandoned
                ? new AbandonmentDetails(new DateTimeOffset(abandoned), AbandonReason ?? "", AbandonComment ?? "")
                : null,
            Hold = TimeHeld is { } held
                ? new HeldSaga(new SagaId(Id), Name, new DateTimeOffset(held), new OperatorNote(HoldActor ?? "", HoldReason ?? ""))
                {
                    StopsRun = HoldStopsRun,
                }
                : null,
            Deadline = Deadline is { } deadline ? new DateTimeOffset(deadline) : null,
            Cancellation = CancelTime is { } cancelled
                ? new SagaCancellation(new DateTimeOffset(cancelled), new OperatorNote(CancelActor ?? "", CancelReason ?? ""))
                : null,
            Owner = owner?.ToDetails(),
        };
    }
}

/// <summary>A row of <see cref="OperatorStatements.FindEvents"/>.</summary>
internal sealed record EventRow
{
    public DateTime Time { get; init; }

    public int NodeId { get; init; }

    public required string Type { get; init; }

    public string? Data { get; init; }

    /// <summary>The number of faults that are named for one saga.</summary>
    public const int MaxFaults = 10;

    public Guid Creator { get; init; }

    /// <summary>The fault of the time; null for none.</summary>
    public string? Fault { get; init; }

    /// <returns>The event; null if this version does not know its type.</returns>
    public LoggedEvent? ToEvent(SagaGraph? graph) => PostgresNames.TryParse(Type, out NodeEventType type)
        ? new LoggedEvent(new DateTimeOffset(Time), NodeId, NodeIn(graph), type, Data, new CoordinatorId(Creator))
        : null;

    /// <summary>Describes what cannot be read; null for nothing.</summary>
    public string? FaultIn(SagaGraph? graph)
    {
        string? ofType = PostgresNames.TryParse(Type, out _) ? null : $"event_type is '{PlainText.OneLine(Type)}', which this version does not know";
        return StoredTimes.Join(ofType, Fault) is { } faults ? $"of an event of {PlainText.OneLine(NodeIn(graph))}: {faults}" : null;
    }

    private string NodeIn(SagaGraph? graph) => graph?.NameOf(NodeId) ?? $"node {NodeId}";
}

/// <summary>A row of <see cref="OperatorStatements.ListCoordinators"/>.</summary>
internal sealed record CoordinatorRow
{
    public Guid Id { get; init; }

    public long Incarnation { get; init; }

    public required string Host { get; init; }

    public int ProcessId { get; init; }

    public DateTime TimeJoined { get; init; }

    public TimeSpan Silence { get; init; }

    /// <summary>The faults of the times of the row; null for none.</summary>
    public string? Faults { get; init; }

    public bool HasShutDown { get; init; }

    public DateTime? TimePaused { get; init; }

    public string? PauseActor { get; init; }

    public string? PauseReason { get; init; }

    public long? InProgress { get; init; }

    public required string State { get; init; }

    public string? Version { get; init; }

    public bool PublishesDefinitions { get; init; }

    public string[]? Definitions { get; init; }

    public CoordinatorDetails ToDetails() => new(
        new CoordinatorId(Id),
        new Incarnation(Incarnation),
        Host,
        ProcessId,
        new DateTimeOffset(TimeJoined),
        Silence,
        HasShutDown,
        TimePaused is { } paused ? new RecoveryPause(new DateTimeOffset(paused), new OperatorNote(PauseActor ?? "", PauseReason ?? "")) : null,
        InProgress)
    {
        State = PostgresNames.ToCoordinatorState(State),
        Version = string.IsNullOrEmpty(Version) ? null : Version,
        Unreadable = Faults,
        Definitions = PublishesDefinitions && InProgress is not null ? Definitions ?? [] : null,
    };
}

/// <summary>A row of <see cref="SearchStatements.CountUnfinished"/>.</summary>
internal sealed record CountRow
{
    public string Name { get; init; } = "";

    public Guid? Owner { get; init; }

    public required string State { get; init; }

    public long Count { get; init; }

    public SagaCount ToCount() => new(Name, Owner is { } owner ? new CoordinatorId(owner) : null, SagaNames.TryParse(State, out SagaState state) ? state : SagaState.Unknown, Count);
}
