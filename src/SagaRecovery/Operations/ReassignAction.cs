using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>Performs reassignments that are requested over HTTP or from the command line.</summary>
/// <remarks>If the request names no recipients, it selects them. The response describes the outcome in words.</remarks>
internal sealed class ReassignAction(ISagaOperations operations, ISagaCluster cluster, TimeProvider time)
{
    /// <param name="from">The owner; null for unowned sagas.</param>
    /// <param name="request">The recipients and the conditions. It must not name the owner as a recipient.</param>
    /// <param name="note">The actor and the reason.</param>
    /// <param name="cancellationToken">Cancels the reassignment. Sagas that have moved keep their new owner.</param>
    public async Task<ReassignResponse> PerformAsync(CoordinatorId? from, ReassignRequest request, OperatorNote note, CancellationToken cancellationToken)
    {
        IReadOnlyList<CoordinatorDetails> known = await operations.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<CoordinatorId> named = request.To ?? [];
        if (named.Except(known.Select(one => one.Id)).Select(id => (CoordinatorId?)id).FirstOrDefault() is { } unknown)
        {
            return new(OperatorActionStatus.NoSuchCoordinator, $"There is no coordinator {unknown} to reassign sagas to.");
        }

        if (from is { } owner && !known.Any(one => one.Id == owner) && !await OwnsAnyAsync(owner, cancellationToken).ConfigureAwait(false))
        {
            return new(OperatorActionStatus.NoSuchCoordinator, $"No coordinator {owner} has ever joined, and it owns no unfinished sagas.");
        }

        CoordinatorId[] takers = [.. named.Count > 0 ? named : known.Where(one => one.Id != from && one.MayTake).Select(one => one.Id)];
        if (takers.Length == 0)
        {
            return Respond(from, ReassignOutcome.NoTaker.Instance);
        }

        var reassignment = new Reassignment(from, takers)
        {
            EvenIfOwnerAnswers = request.EvenIfOwnerAnswers,
            EvenIfPaused = named.Count == 1, // an order: the operator has chosen it, and no other may take them
        };
        ReassignResponse response = Respond(from, await cluster.ReassignAsync(reassignment, note, cancellationToken).ConfigureAwait(false));
        return named.Count == 1 && response.Receipts.Count > 0 && known.First(one => one.Id == named[0]).Paused is not null
            ? response with { Message = $"{response.Message} Recovery of that coordinator is paused: it resumes them once the pause has ended." }
            : response;
    }

    /// <summary>Waits until the recipients have recovered the sagas, or the timeout has passed.</summary>
    public async Task<ReassignResponse> WaitAsync(ReassignResponse response, TimeSpan timeout, CancellationToken cancellationToken)
    {
        using var timedOut = new CancellationTokenSource(timeout, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timedOut.Token);
        try
        {
            IReadOnlyList<CaughtUp> caughtUp = await cluster.WaitUntilCaughtUpAsync(response.Receipts, either.Token).ConfigureAwait(false);
            IEnumerable<string> exceptions = caughtUp.Where(one => one.NotRunning > 0)
                .Select(one => $"{one.Coordinator} does not run {Sagas(one.NotRunning)} of its own: held, failed or of an unknown definition; see its status.");
            return response with { CaughtUp = caughtUp, Message = string.Join(' ', exceptions.Prepend($"{response.Message} They have been recovered.")) };
        }
        catch (OperationCanceledException) when (timedOut.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return response with { Message = $"{response.Message} They have not been recovered within {PlainText.Duration(timeout)}; recovery continues." };
        }
    }

    private async Task<bool> OwnsAnyAsync(CoordinatorId owner, CancellationToken cancellationToken) =>
        (await cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false)).Owners.Contains(owner);

    private static ReassignResponse Respond(CoordinatorId? from, ReassignOutcome outcome) => outcome switch
    {
        ReassignOutcome.Done done => new(OperatorActionStatus.Done, $"reassign: done, {Describe(from, done)}")
        {
            Receipts = done.Receipts,
            Left = done.Left,
            Paused = done.Paused,
        },
        ReassignOutcome.OwnerAnswers { Owner: var owner } => new(
            OperatorActionStatus.OwnerAnswers,
            $"reassign: not done, coordinator {owner.Id} answers ({PlainText.OneLine(owner.Host)}, process {owner.ProcessId}, "
                + $"last seen {PlainText.Duration(owner.Silence)} ago). Drain it, or reassign its sagas even if it answers.")
        {
            Owner = owner,
        },
        ReassignOutcome.NoTaker none => new(
            OperatorActionStatus.NoTaker, $"reassign: not done, no recipient is active, answers and is not paused{PausedTakers.Describe(none.Paused)}.") { Paused = none.Paused },
        _ => new(OperatorActionStatus.Superseded, "reassign: not done, it is no longer needed."),
    };

    private static string Sagas(long count) => PlainText.Count(count, "saga");

    private static string Describe(CoordinatorId? from, ReassignOutcome.Done done)
    {
        if (done is { Moved: 0, Left: 0 })
        {
            return from is null ? "no unfinished saga was unowned." : $"coordinator {from} owned no unfinished sagas.";
        }

        string sagas = from is null ? PlainText.Count(done.Moved, "unowned saga") : $"{Sagas(done.Moved)} of coordinator {from}";
        string shares = done.Moved == 0 ? "" : $": {string.Join(", ", done.Receipts.Select(receipt => $"{receipt.Count} to {receipt.To}"))}";
        string left = done.Left == 0 ? "" : $" {done.Left} left that no recipient can run{PausedTakers.Describe(done.Paused)}.";
        return $"{sagas} reassigned{shares}.{left}";
    }
}
