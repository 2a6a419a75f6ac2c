using System.Text;
using Npgsql;
using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <summary>Reads the rows of statements for operators. A value that this version cannot read does not fail the row, which names it.</summary>
internal static class OperatorRows
{
    /// <summary>The number of faults of events that are named for one saga.</summary>
    private const int MaxFaults = 10;

    /// <summary>Reads the columns of <see cref="OperatorStatements.Summary"/>.</summary>
    public static SagaSummary Summary(NpgsqlDataReader row)
    {
        string name = row.Get<string>("State");
        bool isKnown = SagaNames.TryParse(name, out SagaState state);
        return new SagaSummary(
            new SagaId(row.Get<Guid>("Id")),
            row.Get<string>("Name"),
            isKnown ? state : SagaState.Unknown,
            row.FindValue<Guid>("Owner") is { } owner ? new CoordinatorId(owner) : null,
            new AdoptGeneration(row.Get<long>("Generation")),
            row.Time("TimeCreated"),
            row.Get<bool>("IsHeld"))
        {
            Unreadable = StoredTimes.Join(
                isKnown ? null : $"state is '{PlainText.OneLine(name)}', which this version does not know", row.Find<string>("Faults")),
        };
    }

    /// <summary>Reads a row of <see cref="SearchStatements.List"/>.</summary>
    public static SagaSummary ListedSaga(NpgsqlDataReader row) => Summary(row) with
    {
        Version = row.FindValue<int>("Version"),
        FailedNode = row.Find<string>("FailedNode"),
        ErrorCode = row.Find<string>("ErrorCode"),
    };

    /// <summary>Reads a row of <see cref="OperatorStatements.FindSaga"/>: the details without events and owner.</summary>
    public static SagaDetails Details(NpgsqlDataReader row)
    {
        SagaSummary summary = ListedSaga(row);
        return new SagaDetails
        {
            Summary = summary with { Unreadable = StoredTimes.Join(summary.Unreadable, row.Find<string>("OtherFaults")) },
            Creator = new CoordinatorId(row.Get<Guid>("Creator")),
            TimeAdopted = row.Time("TimeAdopted"),
            Version = summary.Version ?? 0,
            DefinitionHash = DefinitionHash.FromBytes(row.Get<byte[]>("Hash")),
            Graph = SagaGraph.TryRead(Encoding.UTF8.GetBytes(row.Get<string>("Dag"))),
            Parameters = row.Get<string>("Parameters"),
            Events = [],
            Tags = [.. row.Get<string[]>("Tags").Select(text => text.Split('=', 2)).Select(parts => new SagaTag(parts[0], parts[1]))],
            Abandonment = row.FindTime("AbandonTime") is { } abandoned
                ? new AbandonmentDetails(abandoned, row.Find<string>("AbandonReason") ?? "", row.Find<string>("AbandonComment") ?? "")
                : null,
            Hold = row.FindTime("TimeHeld") is { } held
                ? new HeldSaga(summary.Id, summary.Name, held, row.Note("HoldActor", "HoldReason")) { StopsRun = row.Get<bool>("HoldStopsRun") }
                : null,
            Deadline = row.FindTime("Deadline"),
            Cancellation = Cancellation(row),
        };
    }

    /// <summary>Reads the cancellation from the columns <c>CancelTime, CancelActor, CancelReason</c>; null for none.</summary>
    public static SagaCancellation? Cancellation(NpgsqlDataReader row) =>
        row.FindTime("CancelTime") is { } cancelled ? new SagaCancellation(cancelled, row.Note("CancelActor", "CancelReason")) : null;

    /// <summary>Adds the events to the details of a saga, and names those that cannot be read.</summary>
    public static SagaDetails With(this SagaDetails saga, IReadOnlyList<EventRow> events) => saga with
    {
        Events = [.. events.Select(row => row.Event).OfType<LoggedEvent>()],
        Summary = saga.Summary with { Unreadable = StoredTimes.Join([saga.Summary.Unreadable, .. events.Select(row => row.Fault).OfType<string>().Take(MaxFaults)]) },
    };

    /// <summary>Reads a row of <see cref="OperatorStatements.FindEvents"/>.</summary>
    public static EventRow Event(NpgsqlDataReader row, SagaGraph? graph)
    {
        int id = row.Get<int>("NodeId");
        string node = graph?.NameOf(id) ?? $"node {id}";
        string name = row.Get<string>("Type");
        bool isKnown = PostgresNames.TryParse(name, out NodeEventType type);
        string? faults = StoredTimes.Join(isKnown ? null : $"event_type is '{PlainText.OneLine(name)}', which this version does not know", row.Find<string>("Fault"));
        return new EventRow(
            isKnown ? new LoggedEvent(row.Time("Time"), id, node, type, row.Find<string>("Data"), new CoordinatorId(row.Get<Guid>("Creator"))) : null,
            faults is null ? null : $"of an event of {PlainText.OneLine(node)}: {faults}");
    }

    /// <summary>Reads a row of <see cref="OperatorStatements.ListCoordinators"/>, <see cref="OperatorStatements.FindCoordinators"/> or <see cref="OperatorStatements.FindOwner"/>.</summary>
    public static CoordinatorDetails Coordinator(NpgsqlDataReader row)
    {
        long? inProgress = row.FindValue<long>("InProgress");
        return new CoordinatorDetails(
            new CoordinatorId(row.Get<Guid>("Id")),
            new Incarnation(row.Get<long>("Incarnation")),
            row.Get<string>("Host"),
            row.Get<int>("ProcessId"),
            row.Time("TimeJoined"),
            row.Get<TimeSpan>("Silence"),
            row.Get<bool>("HasShutDown"),
            row.FindTime("TimePaused") is { } paused ? new RecoveryPause(paused, row.Note("PauseActor", "PauseReason")) : null,
            inProgress)
        {
            State = PostgresNames.ToCoordinatorState(row.Get<string>("State")),
            Version = row.Find<string>("Version") is { Length: > 0 } version ? version : null,
            Unreadable = row.Find<string>("Faults"),
            Definitions = row.Get<bool>("PublishesDefinitions") && inProgress is not null ? row.Find<string[]>("Definitions") ?? [] : null,
        };
    }

    /// <summary>Reads a row of <see cref="SearchStatements.CountUnfinished"/>.</summary>
    public static SagaCount Count(NpgsqlDataReader row) => new(
        row.Get<string>("Name"),
        row.FindValue<Guid>("Owner") is { } owner ? new CoordinatorId(owner) : null,
        SagaNames.TryParse(row.Get<string>("State"), out SagaState state) ? state : SagaState.Unknown,
        row.Get<long>("Count"));

    /// <summary>Reads a row of <see cref="SearchStatements.CountNotSucceeded"/>.</summary>
    public static EndedCount Ended(NpgsqlDataReader row)
    {
        long count = row.Get<long>("Count");
        return new EndedCount(PostgresNames.ToState(row.Get<string>("State")), count, count == SagaEstimate.CountLimit);
    }
}

/// <summary>An event of a log, for display.</summary>
/// <param name="Event">The event; null if this version does not know its type.</param>
/// <param name="Fault">The parts that cannot be read; null for none.</param>
internal sealed record EventRow(LoggedEvent? Event, string? Fault);
