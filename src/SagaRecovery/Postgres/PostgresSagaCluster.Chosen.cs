using SagaRecovery.Operations;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Postgres;

/// <content>The reassignment of chosen sagas of any owners. Each moves under the rules of a reassignment of all sagas of its owner.</content>
internal sealed partial class PostgresSagaCluster
{
    private readonly PostgresSagaActions _actions = new(database, ownerLock);

    public async Task<IReadOnlyList<OperatorActionResult>> ReassignAsync(
        IReadOnlyList<SagaId> sagas, ChosenRecipients recipients, OperatorNote note, CancellationToken cancellationToken)
    {
        Dictionary<SagaId, OperatorActionResult> results = sagas.Distinct().ToDictionary(saga => saga, OperatorActionResult (_) => OperatorActionResult.NoSuchSaga.Instance);
        var condition = new OperatorActionCondition { EvenIfOwnerAnswers = recipients.EvenIfOwnersAnswer };
        List<SagaSummary> allowed = [];
        foreach ((SagaSummary saga, _, CoordinatorDetails? owner) in await _actions.FindAsync(results.Keys, cancellationToken).ConfigureAwait(false))
        {
            if (OperatorActionRules.Refusal(saga, owner, condition) is { } refusal)
            {
                results[saga.Id] = refusal;
            }
            else
            {
                allowed.Add(saga);
            }
        }

        foreach (IGrouping<CoordinatorId?, SagaSummary> owned in allowed.GroupBy(saga => saga.Owner))
        {
            HashSet<SagaId> moved = await MoveChosenAsync(owned.Key, [.. owned.Select(saga => saga.Id)], recipients, note, cancellationToken).ConfigureAwait(false);
            foreach (SagaSummary saga in owned)
            {
                results[saga.Id] = moved.Contains(saga.Id)
                    ? OperatorActionResult.Done.Instance
                    : new OperatorActionResult.Superseded(saga, "no recipient that is active, answers and is not paused can run it, or it changed while the action ran");
            }
        }

        return [.. sagas.Select(saga => results[saga])];
    }

    /// <summary>Moves chosen sagas of one owner, and records the action for each that moved.</summary>
    private async Task<HashSet<SagaId>> MoveChosenAsync(
        CoordinatorId? from, IReadOnlyList<SagaId> sagas, ChosenRecipients recipients, OperatorNote note, CancellationToken cancellationToken)
    {
        CoordinatorId[] to = recipients.To.Count > 0
            ? [.. recipients.To.Where(taker => taker != from)]
            : [.. (await ReadViewAsync(cancellationToken).ConfigureAwait(false)).TakersBesides(from ?? default)];
        var move = new Move(from, to, recipients.EvenIfOwnersAnswer, LastSeen: null, sagas.Count) { EvenIfPaused = recipients.To.Count == 1 };
        return to.Length == 0 ? [] : await MoveChosenAsync(move, [.. sagas.Select(saga => saga.Value).Order()], note, cancellationToken).ConfigureAwait(false);
    }

    private Task<HashSet<SagaId>> MoveChosenAsync(Move move, Guid[] sagas, OperatorNote note, CancellationToken cancellationToken) => ownerLock.RunAsync(
        $"reassigning {PlainText.Count(sagas.Length, "saga")} of {move.From?.ToString() ?? "no coordinator"}",
        batch =>
        {
            AddMove(batch, move, Sql.ReassignChosen, MovePlace.First, turn: 0).With(sagas);
            batch.Add(Sql.RecordChosen).With(sagas).With(move.Takers).With(note.Actor).With(note.Reason);
        },
        async rows =>
        {
            await rows.SkipAsync(move.Locks + 1).ConfigureAwait(false);
            return (await rows.ListAsync(row => new SagaId(row.GetGuid(0))).ConfigureAwait(false)).ToHashSet();
        },
        cancellationToken);
}
