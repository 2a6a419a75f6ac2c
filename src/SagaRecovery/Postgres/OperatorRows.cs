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

    public SagaSummary ToSummary() => new(
        new SagaId(Id),
        Name,
        PostgresNames.ToState(State),
        Owner is { } owner ? new CoordinatorId(owner) : null,
        new AdoptGeneration(Generation),
        new DateTimeOffset(TimeCreated),
        IsHeld)
    {
        Version = Version,
        FailedNode = FailedNode,
        ErrorCode = ErrorCode,
    };
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

    public SagaDetails ToDetails(IEnumerable<EventRow> events, CoordinatorRow? owner)
    {
        var graph = SagaGraph.TryRead(Encoding.UTF8.GetBytes(Dag));
        return new SagaDetails
        {
            Summary = ToSummary(),
            Creator = new CoordinatorId(Creator),
            TimeAdopted = new DateTimeOffset(TimeAdopted),
            Version = Version ?? 0,
            DefinitionHash = DefinitionHash.FromBytes(Hash),
            Graph = graph,
            Parameters = Parameters,
            Events = [.. events.Select(row => row.ToEvent(graph))],
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

    public Guid Creator { get; init; }

    public LoggedEvent ToEvent(SagaGraph? graph) => new(
        new DateTimeOffset(Time), NodeId, graph?.NameOf(NodeId) ?? $"node {NodeId}", PostgresNames.ToEventType(Type), Data, new CoordinatorId(Creator));
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

    public SagaCount ToCount() => new(Name, Owner is { } owner ? new CoordinatorId(owner) : null, PostgresNames.ToState(State), Count);
}
