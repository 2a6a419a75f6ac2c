using System.Globalization;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>A purge by an operator, in a service or in the tool.</summary>
internal sealed class PurgeAction(ISagaRetention store, ISagaArchive? archive, TimeProvider time)
{
    /// <summary>The number of times to ask for the turn before a response says that another process has it.</summary>
    private const int TurnAttempts = 50;

    /// <summary>The time after which a request returns, so that its caller does not wait without a word.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The pace of a deletion.</summary>
    public PurgePace Pace { get; init; } = new(BatchSize: 200, TimeSpan.FromMilliseconds(50));

    /// <summary>The number of sagas on a page of a dry run. It may be large, since nothing is locked and written.</summary>
    public int CountedPerPage { get; init; } = 1_000;

    /// <summary>Returns true for the name of a definition whose sagas are only purged if the request names it.</summary>
    public Func<string, bool> IsKept { get; init; } = _ => false;

    public async Task<PurgeResponse> PerformAsync(PurgeRequest request, OperatorNote note, CancellationToken cancellationToken)
    {
        IReadOnlyList<StoredDefinition> definitions = await store.ListDefinitionsAsync(cancellationToken).ConfigureAwait(false);
        StoredDefinition[] purged = [.. definitions.Where(one => request.Definition is null ? !IsKept(one.Name) : IsNamed(request, one))];
        if (request.Definition is not null && purged.Length == 0)
        {
            return new PurgeResponse(OperatorActionStatus.NoSuchDefinition, $"There is no definition {NameOf(request)}.");
        }

        IReadOnlyList<RetentionWalk> walks = RetentionPolicy.Plan(
            purged, (_, state) => request.StatesOrDefault.Contains(state) ? request.OlderThan : null);
        PurgePosition? from = PurgeContinuation.Read(request);
        (PurgeStop stop, PurgeResponse response) = request.Delete
            ? await DeleteAsync(walks, from, request, note, cancellationToken).ConfigureAwait(false)
            : await CountAsync(walks, from, purged, cancellationToken).ConfigureAwait(false);
        response = response with
        {
            KeptDefinitions = request.Definition is null ? [.. definitions.Select(one => one.Name).Where(IsKept).Distinct().Order(StringComparer.Ordinal)] : [],
            Continuation = stop.Next is { } next ? PurgeContinuation.Write(request, next) : null,
        };
        return response with { Message = PurgeTotals.Describe(response, request.Delete) + Rest(stop.End) };
    }

    private async Task<(PurgeStop Stop, PurgeResponse Response)> CountAsync(
        IReadOnlyList<RetentionWalk> walks, PurgePosition? from, StoredDefinition[] definitions, CancellationToken cancellationToken)
    {
        Dictionary<DefinitionHash, string> names = definitions.ToDictionary(one => one.Hash, one => one.Name);
        Dictionary<(string Name, SagaState State), PurgeCount> counts = [];
        PurgeStop stop = await NewPurge(CountedPerPage).CountAsync(walks, from, Count, cancellationToken).ConfigureAwait(false);
        return (stop, new PurgeResponse(OperatorActionStatus.Done, "") { Counts = PurgeTotals.Merge(counts.Values) });

        void Count(ExpiredSaga saga)
        {
            string name = names[saga.Rule.Definition];
            PurgeCount before = counts.GetValueOrDefault((name, saga.State)) ?? new PurgeCount(name, saga.State, 0, 0, saga.TimeEnded);
            counts[(name, saga.State)] = before with
            {
                Sagas = before.Sagas + 1,
                Bytes = before.Bytes + saga.Bytes,
                Oldest = saga.TimeEnded < before.Oldest ? saga.TimeEnded : before.Oldest,
            };
        }
    }

    private async Task<(PurgeStop Stop, PurgeResponse Response)> DeleteAsync(
        IReadOnlyList<RetentionWalk> walks, PurgePosition? from, PurgeRequest request, OperatorNote note, CancellationToken cancellationToken)
    {
        if (from is null)
        {
            // Before the deletion: a purge that is cut off has been recorded.
            await store.RecordPurgeAsync(note with { Reason = Scope(request, note) }, cancellationToken).ConfigureAwait(false);
        }

        var tally = new PurgeTally();
        PurgeStop stop = await NewPurge(Pace.BatchSize).RunAsync(walks, from, tally, cancellationToken).ConfigureAwait(false);
        return (stop, new PurgeResponse(OperatorActionStatus.Done, "") { Deleted = tally.Deleted, Archived = tally.Archived });
    }

    private SagaPurge NewPurge(int batchSize) =>
        new(store, archive, new PurgeTurns(store, Pace with { BatchSize = batchSize }, time, TurnAttempts), time) { Budget = Budget };

    private static bool IsNamed(PurgeRequest request, StoredDefinition definition) =>
        definition.Name == request.Definition && (request.Version ?? definition.Version) == definition.Version;

    private static string NameOf(PurgeRequest request) =>
        string.Create(CultureInfo.InvariantCulture, $"{PlainText.OneLine(request.Definition ?? "")}{(request.Version is { } version ? $"@{version}" : "")}");

    private static string Rest(PurgeEnd end) => end switch
    {
        PurgeEnd.Complete => "",
        PurgeEnd.Elsewhere => "; another process is deleting: repeat the request with its continuation",
        _ => "; repeat the request with its continuation for the rest",
    };

    /// <summary>Adds the scope of a purge to its reason, within the limit of the record.</summary>
    private static string Scope(PurgeRequest request, OperatorNote note)
    {
        string scope = $" ({string.Join(", ", request.StatesOrDefault.Select(SagaNames.Of))} for more than {RetentionPolicy.Words(request.OlderThan)}"
            + $"{(request.Definition is null ? "" : $", definition {NameOf(request)}")})";
        int longest = OperatorNote.MaxLength - scope.Length;
        return (note.Reason.Length > longest ? note.Reason[..longest] : note.Reason) + scope;
    }
}
