using SagaRecovery.Status;

namespace SagaRecovery.Storage;

/// <summary>The kind of thing that an id identifies.</summary>
public enum IdKind
{
    /// <summary>A saga, by its id or the beginning of it.</summary>
    Saga,

    /// <summary>A saga, by the key with which it was started.</summary>
    StartKey,

    /// <summary>A saga, by a tag or the value of one.</summary>
    Tag,

    /// <summary>A coordinator, by its id.</summary>
    Coordinator,

    /// <summary>A definition, by its name or a part of it, or by its hash or the beginning of it.</summary>
    Definition,

    /// <summary>An operator action, by its number in the record.</summary>
    OperatorAction,
}

/// <summary>Something that an id identifies.</summary>
/// <param name="Kind">The kind of thing.</param>
/// <param name="Description">The thing as a phrase for operators, such as <c>saga …: project-create, running</c>.</param>
/// <param name="SagaId">The saga; null if the thing is none and concerns none.</param>
public sealed record IdMatch(IdKind Kind, string Description, SagaId? SagaId = null)
{
    /// <summary>The maximum number of things that one search finds.</summary>
    internal const int MaxCount = 20;

    /// <summary>The name of the definition, of which a list of sagas can be asked; null if the thing is none.</summary>
    public string? Definition { get; init; }

    /// <summary>Finds a saga or a coordinator by its id, with the queries that every store has.</summary>
    internal static async Task<IReadOnlyList<IdMatch>> FindByIdAsync(ISagaOperations store, string text, CancellationToken cancellationToken)
    {
        if (!Guid.TryParse(text, out Guid id))
        {
            return [];
        }

        List<IdMatch> matches = [];
        if (await store.FindAsync(new SagaId(id), cancellationToken).ConfigureAwait(false) is { } saga)
        {
            matches.Add(new IdMatch(IdKind.Saga, $"saga {Describe(saga.Summary)}", saga.Summary.Id));
        }

        IEnumerable<CoordinatorDetails> coordinators = await store.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        matches.AddRange(coordinators.Where(one => one.Id.Value == id).Select(one => new IdMatch(IdKind.Coordinator, Describe(one))));
        return matches;
    }

    internal static string Describe(SagaSummary saga) =>
        $"{saga.Id}: {PlainText.OneLine(saga.Name)}, {SagaNames.Of(saga.State)}{(saga.IsHeld ? " and held" : "")}, "
        + $"owner {saga.Owner?.ToString() ?? "none"}, created {PlainText.Time(saga.TimeCreated)}";

    internal static string Describe(CoordinatorDetails coordinator) =>
        $"coordinator {coordinator.Id}: {coordinator.State.ToString().ToLowerInvariant()}, {PlainText.OneLine(coordinator.Host)}, process {coordinator.ProcessId}, "
        + $"last seen {PlainText.Duration(coordinator.Silence)} ago";
}
