using System.Globalization;
using SagaRecovery.Retention;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>A purge by an operator, in a service or in the tool.</summary>
internal sealed class PurgeAction(ISagaRetention store, ISagaArchive? archive, TimeProvider time)
{
    private static readonly SagaState[] s_defaultStates = [SagaState.Succeeded, SagaState.Unwound];

    private static readonly PurgePace s_pace = new(BatchSize: 200, TimeSpan.FromMilliseconds(50));

    /// <summary>The time after which a request returns, so that its caller does not wait without a word.</summary>
    public TimeSpan Budget { get; init; } = TimeSpan.FromSeconds(10);

    public async Task<PurgeResponse> PerformAsync(PurgeRequest request, OperatorNote note, CancellationToken cancellationToken)
    {
        IReadOnlyList<StoredDefinition> definitions = await store.ListDefinitionsAsync(cancellationToken).ConfigureAwait(false);
        SagaState[] states = request.States is { Count: > 0 } named ? [.. named] : s_defaultStates;
        IReadOnlyList<RetentionWalk> walks = RetentionPolicy.Plan(
            definitions, (name, state) => (request.Definition ?? name) == name && states.Contains(state) ? request.OlderThan : null);
        var purge = new SagaPurge(store, archive, s_pace, time) { Budget = Budget, TurnAttempts = 50 };
        return request.Delete
            ? await DeleteAsync(purge, walks, request, note, states, cancellationToken).ConfigureAwait(false)
            : await CountAsync(purge, walks, definitions, cancellationToken).ConfigureAwait(false);
    }

    private static async Task<PurgeResponse> CountAsync(
        SagaPurge purge, IReadOnlyList<RetentionWalk> walks, IReadOnlyList<StoredDefinition> definitions, CancellationToken cancellationToken)
    {
        Dictionary<DefinitionHash, string> names = definitions.ToDictionary(one => one.Hash, one => one.Name);
        Dictionary<(string Name, SagaState State), PurgeCount> counts = [];
        await purge.CountAsync(walks, Count, cancellationToken).ConfigureAwait(false);
        PurgeCount[] all = [.. counts.Values.OrderBy(one => one.Definition, StringComparer.Ordinal).ThenBy(one => one.State)];
        string total = string.Create(CultureInfo.InvariantCulture, $"{all.Sum(one => one.Sagas):N0} sagas, {all.Sum(one => one.Bytes) / 1e6:N1} MB");
        return new PurgeResponse(OperatorActionStatus.Done, $"purge: would delete {total}") { Counts = all, IsComplete = true };

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

    private async Task<PurgeResponse> DeleteAsync(
        SagaPurge purge, IReadOnlyList<RetentionWalk> walks, PurgeRequest request, OperatorNote note, SagaState[] states, CancellationToken cancellationToken)
    {
        if (!request.Continues)
        {
            // Before the deletion: a purge that is cut off has been recorded.
            await store.RecordPurgeAsync(note with { Reason = Scope(request, note, states) }, cancellationToken).ConfigureAwait(false);
        }

        var tally = new PurgeTally();
        PurgeEnd end = await purge.RunAsync(walks, tally, cancellationToken).ConfigureAwait(false);
        string done = string.Create(CultureInfo.InvariantCulture, $"purge: deleted {tally.Deleted:N0} sagas{(archive is null ? "" : $", exported {tally.Archived:N0} before")}");
        return new PurgeResponse(OperatorActionStatus.Done, end switch
        {
            PurgeEnd.Complete => done,
            PurgeEnd.Elsewhere => $"{done}; another process is deleting, repeat the request to continue",
            _ => $"{done}; repeat the request to continue",
        })
        {
            Deleted = tally.Deleted,
            Archived = tally.Archived,
            IsComplete = end is PurgeEnd.Complete,
        };
    }

    /// <summary>Adds the scope of a purge to its reason, within the limit of the record.</summary>
    private static string Scope(PurgeRequest request, OperatorNote note, SagaState[] states)
    {
        string scope = $" ({string.Join(", ", states.Select(SagaNames.Of))} for more than {RetentionPolicy.Words(request.OlderThan)}"
            + $"{(request.Definition is { } definition ? $", definition {PlainText.OneLine(definition)}" : "")})";
        int longest = OperatorNote.MaxLength - scope.Length;
        return (note.Reason.Length > longest ? note.Reason[..longest] : note.Reason) + scope;
    }
}
