using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Operations;

/// <summary>Reassigns as somebody asks for it from afar: fills in who gets the sagas, and says in words what became of it.</summary>
internal sealed class ReassignAction(ISagaOperations operations, ISagaCluster cluster, TimeProvider time)
{
    /// <param name="from">Whose sagas; null: those that nobody owns.</param>
    /// <param name="request">To whom, and whether even if their owner answers. Must not name that among those that get them.</param>
    /// <param name="note">Who asks, and why.</param>
    /// <param name="cancellationToken">Gives up; what has moved stays where it is.</param>
    public async Task<ReassignResponse> PerformAsync(CoordinatorId? from, ReassignRequest request, OperatorNote note, CancellationToken cancellationToken)
    {
        IReadOnlyList<CoordinatorDetails> known = await operations.ListCoordinatorsAsync(cancellationToken).ConfigureAwait(false);
        IReadOnlyList<CoordinatorId> named = request.To ?? [];
        if (named.Except(known.Select(one => one.Id)).Select(id => (CoordinatorId?)id).FirstOrDefault() is { } stranger)
        {
            return new(OperatorActionStatus.NoSuchCoordinator, $"There is no coordinator {stranger} to give sagas to.");
        }

        if (from is { } owner && !known.Any(one => one.Id == owner) && !await OwnsAnyAsync(owner, cancellationToken).ConfigureAwait(false))
        {
            return new(OperatorActionStatus.NoSuchCoordinator, $"No coordinator {owner} has ever joined, and it owns no unfinished sagas.");
        }

        CoordinatorId[] takers = [.. named.Count > 0 ? named : known.Where(one => one.Id != from && one.MayTake).Select(one => one.Id)];
        return takers.Length == 0
            ? Answer(from, ReassignOutcome.NoTaker.Instance)
            : Answer(from, await cluster.ReassignAsync(
                new Reassignment(from, takers) { EvenIfOwnerAnswers = request.EvenIfOwnerAnswers }, note, cancellationToken).ConfigureAwait(false));
    }

    /// <summary>Waits until those that got sagas have recovered them, but not for ever.</summary>
    public async Task<ReassignResponse> WaitAsync(ReassignResponse answer, TimeSpan longest, CancellationToken cancellationToken)
    {
        using var timeUp = new CancellationTokenSource(longest, time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeUp.Token);
        try
        {
            IReadOnlyList<CaughtUp> caughtUp = await cluster.WaitUntilCaughtUpAsync(answer.Receipts, either.Token).ConfigureAwait(false);
            IEnumerable<string> aside = caughtUp.Where(one => one.NotRunning > 0)
                .Select(one => $"Of those of {one.Coordinator}, {Sagas(one.NotRunning)} not running: held, failed or not here; its status names them.");
            return answer with { CaughtUp = caughtUp, Message = string.Join(' ', aside.Prepend($"{answer.Message} They have been recovered.")) };
        }
        catch (OperationCanceledException) when (timeUp.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            return answer with { Message = $"{answer.Message} They have not been recovered within {PlainText.Duration(longest)}; that goes on." };
        }
    }

    private async Task<bool> OwnsAnyAsync(CoordinatorId owner, CancellationToken cancellationToken) =>
        (await cluster.ReadViewAsync(cancellationToken).ConfigureAwait(false)).Owners.Contains(owner);

    private static ReassignResponse Answer(CoordinatorId? from, ReassignOutcome outcome) => outcome switch
    {
        ReassignOutcome.Done done => new(OperatorActionStatus.Done, $"reassign: done, {Told(from, done)}") { Receipts = done.Receipts, Left = done.Left },
        ReassignOutcome.OwnerAnswers { Owner: var owner } => new(
            OperatorActionStatus.OwnerAnswers,
            $"reassign: not done, coordinator {owner.Id} answers ({PlainText.OneLine(owner.Host)}, process {owner.ProcessId}, last seen {PlainText.Duration(owner.Silence)} ago). Drain it, or reassign even if its owner answers.")
        {
            Owner = owner,
        },
        ReassignOutcome.NoTaker => new(
            OperatorActionStatus.NoTaker, "reassign: not done, none of those that were to get the sagas is active and answers."),
        _ => new(OperatorActionStatus.Superseded, "reassign: not done, it is not needed any more."),
    };

    private static string Sagas(long count) => PlainText.Count(count, "saga");

    private static string Told(CoordinatorId? from, ReassignOutcome.Done done)
    {
        if (done is { Moved: 0, Left: 0 })
        {
            return from is null ? "there was no unfinished saga that nobody owned." : $"coordinator {from} owned no unfinished sagas.";
        }

        string whose = from is null ? "that nobody owned" : $"of coordinator {from}";
        string got = done.Moved == 0 ? "" : $": {string.Join(", ", done.Receipts.Select(receipt => $"{receipt.Count} to {receipt.To}"))}";
        string left = done.Left == 0 ? "" : $" {done.Left} left, which none of those can run.";
        return $"{Sagas(done.Moved)} {whose} given to others{got}.{left}";
    }
}
