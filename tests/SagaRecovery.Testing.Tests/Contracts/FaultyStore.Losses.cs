using System.Collections.Concurrent;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Tests.Contracts;

/// <content>Joining again, restoring a log, and finding lost sagas.</content>
internal sealed partial class FaultyStore
{
    private readonly ConcurrentDictionary<JoinToken, bool> _replaced = new();
    private readonly ConcurrentDictionary<SagaId, SagaLogEntry> _eventsOfLost = new();
    private readonly SavedDefinition _anyDefinition = new(DefinitionHash.Of("{}"u8), "any", 1, "{}"u8.ToArray());
    private readonly TaskCompletionSource _rejoinChecked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _joinedMeanwhile = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public async Task<Membership> RejoinAsync(Membership lost, CancellationToken cancellationToken)
    {
        Membership latest = _latest[lost.Coordinator];
        if (Is(Fault.RejoinKeepsJoin))
        {
            return lost;
        }

        if ((Is(Fault.RejoinsOncePerJoin) && _replaced.ContainsKey(lost.Token)) || (Is(Fault.RejoinsOnlyStoredJoins) && !Inner.IsCurrent(lost)))
        {
            throw new CoordinatorFencedException(lost, latest.Incarnation);
        }

        if (Is(Fault.ChecksJoinBeforeRejoining) && lost == latest)
        {
            _rejoinChecked.TrySetResult();
            await _joinedMeanwhile.Task; // the worst time for the join of another process: after the check, before the write
            latest = lost = _latest[lost.Coordinator];
        }

        Membership joined = await Inner.RejoinAsync(
            Is(Fault.RejoinsInPlaceOfAny) ? latest : lost, Unless(Fault.IgnoresCancellationOfRejoins, cancellationToken));
        _replaced[lost.Token] = true;
        _latest[lost.Coordinator] = joined;
        foreach (CoordinatorId other in _latest.Keys.Where(other => Is(Fault.RejoinFencesOthers) && other != lost.Coordinator))
        {
            await Inner.JoinAsync(other, cancellationToken);
        }

        foreach (StoredSaga saga in Inner.Sagas.Where(saga => Is(Fault.RejoinRaisesGenerations) && saga.Owner == lost.Coordinator))
        {
            Inner.Reassign(saga.Id, lost.Coordinator);
        }

        return Is(Fault.ReusesLostIncarnation) ? joined with { Incarnation = lost.Incarnation } : joined;
    }

    public async Task<RestoreOutcome> RestoreAsync(Membership member, SagaLogEntry everything, CancellationToken cancellationToken)
    {
        cancellationToken = Unless(Fault.IgnoresCancellationOfRestores, cancellationToken);
        if ((Is(Fault.ChecksJoinBeforeRestoring) && member == _latest[member.Coordinator]) || (Is(Fault.ChecksOwnerBeforeRestoring) && IsOwned(member, everything)))
        {
            await DawdleAsync([everything]);
            StoredSaga now = Inner.Get(everything.SagaId);
            return await Inner.RestoreAsync(_latest[now.Owner!.Value], everything with { Generation = now.Generation }, cancellationToken);
        }

        StoredSaga? row = Find(everything.SagaId);
        if (AnswerUnread(row, everything) is { } wrong)
        {
            return wrong;
        }

        Membership writer = Is(Fault.RestoresForOldIncarnations) ? _latest[member.Coordinator]
            : Is(Fault.RestoresForAnyOwner) && row?.Owner is { } owner ? _latest[owner]
            : member;
        RestoreOutcome outcome = await Inner.RestoreAsync(writer, Spoil(row, everything), cancellationToken);
        if (Is(Fault.RestoresStateApart) && cancellationToken.CanBeCanceled)
        {
            await Task.Delay(Timeout.Infinite, cancellationToken); // the caller of this rule always cancels: here, in between
        }

        return (fault, outcome) switch
        {
            (Fault.MixesLogs, RestoreOutcome.Superseded) => await MixAsync(),
            (Fault.ComparesLogLengths, RestoreOutcome.Superseded) when row!.Events.Count <= everything.Events.Count => await MixAsync(),
            (Fault.BringsLostBack, RestoreOutcome.Lost) => await BringBackAsync(),
            (Fault.LeavesEventsOfLost, RestoreOutcome.Lost) => Leave(),
            (Fault.TakesLostForNotOwned, RestoreOutcome.Lost) => RestoreOutcome.NotOwned,
            _ => outcome,
        };

        async Task<RestoreOutcome> MixAsync()
        {
            await Inner.AppendAsync(writer, [everything], cancellationToken);
            return RestoreOutcome.Restored;
        }

        async Task<RestoreOutcome> BringBackAsync()
        {
            await Inner.CreateAsync(writer, new NewSaga(everything.SagaId, _anyDefinition, "{}"u8.ToArray()), cancellationToken);
            return RestoreOutcome.Lost;
        }

        RestoreOutcome Leave()
        {
            _eventsOfLost[everything.SagaId] = everything;
            return RestoreOutcome.Lost;
        }
    }

    public async Task<IReadOnlyList<SagaId>> FindLostAsync(Membership member, IReadOnlyCollection<SagaId> sagas, CancellationToken cancellationToken)
    {
        if (Is(Fault.AnswersAtOnceAboutNone) && sagas.Count == 0)
        {
            return [];
        }

        IReadOnlyList<SagaId> lost = await Inner.FindLostAsync(
            Is(Fault.FindsForOldIncarnations) ? _latest[member.Coordinator] : member,
            Is(Fault.FindsOnOnePage) ? [.. sagas.Take(20)] : sagas,
            Unless(Fault.IgnoresCancellationOfQuestions, cancellationToken));
        return fault switch
        {
            Fault.FindsEndedLost => [.. sagas.Where(saga => Find(saga) is not { State: SagaState.Running or SagaState.Unwinding })],
            Fault.FindsReassignedLost => [.. sagas.Where(saga => Find(saga)?.Owner != member.Coordinator)],
            _ => lost,
        };
    }

    /// <summary>The answer of a store that does not check everything before it answers; null: it checks.</summary>
    private RestoreOutcome? AnswerUnread(StoredSaga? row, SagaLogEntry everything) => fault switch
    {
        Fault.RestoresNothing => RestoreOutcome.Restored,
        Fault.RefusesCompleteLogs when IsLogged(everything) => RestoreOutcome.NotOwned,
        Fault.RefusesOwnEnd when IsEnded(row) => RestoreOutcome.NotOwned,
        Fault.RestoresOtherEnds when IsEnded(row) => RestoreOutcome.Restored,
        Fault.SupersedesBeforeOwner when row is not null && row.Events.Any(one => !everything.Events.Any(known => known.NodeId == one.NodeId)) =>
            RestoreOutcome.Superseded,
        _ => null,
    };

    private SagaLogEntry Spoil(StoredSaga? row, SagaLogEntry everything) => fault switch
    {
        Fault.RestoresLastEventOnly when row is { Events: [] } => everything with { Events = [.. everything.Events.TakeLast(1)] },
        Fault.RestoresNoState or Fault.RestoresStateApart => everything with { NewState = null },
        Fault.RestoresNoEnd when everything.NewState is not (SagaState.Running or SagaState.Unwinding) => everything with { NewState = null },
        Fault.RestoresAnyGeneration when row is not null => everything with { Generation = row.Generation },
        _ => everything,
    };

    private static bool IsEnded(StoredSaga? row) => row is { State: not (SagaState.Running or SagaState.Unwinding) };

    /// <summary>The join under which a write takes effect: that of the writer, unless the store confuses it with another.</summary>
    private async Task<Membership> WriterAsync(Membership member)
    {
        Membership latest = _latest[member.Coordinator];
        bool counts = Inner.IsCurrent(member);
        return fault switch
        {
            Fault.FencesLostJoins when !counts => throw new CoordinatorFencedException(member, latest.Incarnation),
            Fault.TakesWritesOfReplacedJoins when _replaced.ContainsKey(member.Token) => latest,
            Fault.TakesWritesOfLostJoins when !counts && member == latest => await Inner.RejoinAsync(member, CancellationToken.None),
            Fault.CountsJoinsThatCameBack when !counts && member != latest => await Inner.RejoinAsync(member, CancellationToken.None),
            Fault.ComparesNumbers when member.Incarnation == latest.Incarnation => latest,
            _ => member,
        };
    }
}
