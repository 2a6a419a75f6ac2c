using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about the deletion of ended sagas.</summary>
internal static class RetentionRules
{
    /// <summary>A time for which sagas are kept by which all that have ended have expired, also those that ended at this moment.</summary>
    private static readonly TimeSpan s_expired = TimeSpan.FromHours(-1);

    private static readonly TimeSpan s_kept = TimeSpan.FromHours(1);

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Retention finds exactly the sagas that ended in the state of its walk and have expired, on pages of any size",
            "sagas in progress or young ones would be deleted, or expired ones would stay",
            FindAsync)
        {
            IsOptional = true,
        },
        new(
            "Retention deletes a saga whole, and its id is free again",
            "a later saga with the id would get the log of the deleted one",
            DeleteAsync)
        {
            IsOptional = true,
        },
        new(
            "Retention deletes no saga that changed after it was found, or that has not expired",
            "a saga that an operator has just retried would be deleted, or one that its archive does not have",
            KeepAsync)
        {
            IsOptional = true,
        },
        new(
            "Retention reads an expired saga whole for its archive, and none that changed after it was found",
            "the archive would lack what is deleted",
            ReadAsync)
        {
            IsOptional = true,
        },
        new(
            "One process has the turn to delete until it ends",
            "several processes would export the same sagas",
            TurnAsync)
        {
            IsOptional = true,
        },
    ];

    private static async Task FindAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> succeeded = [];
        foreach (SagaState state in new[] { SagaState.Succeeded, SagaState.Unwound, SagaState.Succeeded, SagaState.Stuck, SagaState.Unwinding, SagaState.Succeeded })
        {
            SagaId saga = await EndAsync(trial, us, state).ConfigureAwait(false);
            if (state == SagaState.Succeeded)
            {
                succeeded.Add(saga);
            }
        }

        await trial.CreateAsync(us).ConfigureAwait(false);
        await EndAsync(trial, us, SagaState.Succeeded, StoreTrial.Define($"other {StoreTrial.NewId()}")).ConfigureAwait(false);

        foreach (int limit in new[] { 1, 2, 3, 100 })
        {
            Expect.SameSet(await FindAllAsync(trial, SagaState.Succeeded, s_expired, limit).ConfigureAwait(false), [.. succeeded], $"expired sagas on pages of {limit}");
        }

        Expect.Equal((await FindAllAsync(trial, SagaState.Unwound, s_expired, 100).ConfigureAwait(false)).Count, 1, "expired sagas of another state");
        Expect.Equal((await FindAllAsync(trial, SagaState.Succeeded, s_kept, 100).ConfigureAwait(false)).Count, 0, "expired sagas among those that are kept for longer");
    }

    private static async Task DeleteAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await EndAsync(trial, us, SagaState.Succeeded).ConfigureAwait(false);
        SagaId other = await EndAsync(trial, us, SagaState.Unwound).ConfigureAwait(false);
        IReadOnlyList<ExpiredSaga> found = await FindAsync(trial, SagaState.Succeeded).ConfigureAwait(false);

        IReadOnlyCollection<SagaId> deleted = await trial.Retention.DeleteAsync(found, CancellationToken.None).ConfigureAwait(false);
        IReadOnlyCollection<SagaId> again = await trial.Retention.DeleteAsync(found, CancellationToken.None).ConfigureAwait(false);
        IReadOnlyList<SagaId> lost = await trial.FindLostAsync(us, saga, other).ConfigureAwait(false);
        await trial.CreateAsync(us, StoreTrial.NewSaga(saga)).ConfigureAwait(false);
        SavedSaga present = await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);

        Expect.SameSet([.. deleted], [saga], "deleted sagas");
        Expect.Equal(again.Count, 0, "sagas deleted by a repeat");
        Expect.Sequence(lost, [saga], "sagas without a row after the deletion");
        Expect.Equal(present.Events.Count, 0, "events of a new saga with the id of a deleted one");
    }

    private static async Task KeepAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId changed = await EndAsync(trial, us, SagaState.Succeeded).ConfigureAwait(false);
        SagaId unchanged = await EndAsync(trial, us, SagaState.Succeeded).ConfigureAwait(false);
        IReadOnlyList<ExpiredSaga> found = await FindAsync(trial, SagaState.Succeeded).ConfigureAwait(false);
        await trial.ReassignAsync(changed, us.Coordinator).ConfigureAwait(false);

        ExpiredSaga[] young = [.. found.Select(saga => saga with { Rule = saga.Rule with { Keep = s_kept } })];
        IReadOnlyCollection<SagaId> deletedYoung = await trial.Retention.DeleteAsync(young, CancellationToken.None).ConfigureAwait(false);
        IReadOnlyCollection<SagaId> deleted = await trial.Retention.DeleteAsync(found, CancellationToken.None).ConfigureAwait(false);

        Expect.Equal(deletedYoung.Count, 0, "deleted sagas that are kept for longer");
        Expect.SameSet([.. deleted], [unchanged], "deleted sagas, of one that has changed and one that has not");
        Expect.Sequence(await trial.FindLostAsync(us, changed, unchanged).ConfigureAwait(false), [unchanged], "sagas without a row");
    }

    private static async Task ReadAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        NewSaga saga = StoreTrial.NewSaga(parameters: """{"b" : 1.0, "a":[] }""");
        await trial.CreateAsync(us, saga).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(
            saga.Id, SagaState.Succeeded, StoreTrial.Event(0, NodeEventType.Started), StoreTrial.Event(0, NodeEventType.Succeeded, """{"out" : 2 }"""))).ConfigureAwait(false);
        SagaId changed = await EndAsync(trial, us, SagaState.Succeeded).ConfigureAwait(false);
        IReadOnlyList<ExpiredSaga> found = await FindAsync(trial, SagaState.Succeeded).ConfigureAwait(false);
        await trial.ReassignAsync(changed, us.Coordinator).ConfigureAwait(false);

        IReadOnlyList<ArchivedSaga> read = await trial.Retention.ReadAsync(found, CancellationToken.None).ConfigureAwait(false);

        Expect.Sequence(read.Select(one => one.Id), [saga.Id], "sagas read for the archive");
        Expect.That(read[0].Parameters.Span.SequenceEqual(saga.Parameters.Span), "parameters are read byte for byte", "they differ");
        Expect.That(read[0].Definition.Dag.Span.SequenceEqual(saga.Definition.Dag.Span), "the DAG is read byte for byte", "it differs");
        Expect.Equal((read[0].State, read[0].Definition.Hash), (SagaState.Succeeded, saga.Definition.Hash), "state and definition");
        Expect.Sequence(
            StoreTrial.Describe(read[0].Events.Select(one => new SavedNodeEvent(one.NodeId, one.Type, one.Data))), ["0 Started", """0 Succeeded {"out" : 2 }"""], "the log");
    }

    private static async Task TurnAsync(StoreTrial trial)
    {
        await trial.JoinAsync().ConfigureAwait(false);
        IAsyncDisposable? first = await trial.Retention.TryBeginTurnAsync(CancellationToken.None).ConfigureAwait(false);
        IAsyncDisposable? second = await trial.Retention.TryBeginTurnAsync(CancellationToken.None).ConfigureAwait(false);
        await EndAsync(first).ConfigureAwait(false);
        IAsyncDisposable? third = await trial.Retention.TryBeginTurnAsync(CancellationToken.None).ConfigureAwait(false);
        await EndAsync(second).ConfigureAwait(false);
        await EndAsync(third).ConfigureAwait(false);

        Expect.That(first is not null, "the first caller gets the turn", "it did not");
        Expect.That(second is null, "no other caller gets the turn meanwhile", "a second caller got it");
        Expect.That(third is not null, "the turn is free after its end", "it was not");
    }

    private static async Task EndAsync(IAsyncDisposable? turn)
    {
        if (turn is not null)
        {
            await turn.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static async Task<SagaId> EndAsync(StoreTrial trial, Membership us, SagaState state, SavedDefinition? definition = null)
    {
        SagaId saga = await trial.CreateAsync(us, StoreTrial.NewSaga(definition: definition)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(saga, 0, state)).ConfigureAwait(false);
        return saga;
    }

    private static async Task<IReadOnlyList<ExpiredSaga>> FindAsync(StoreTrial trial, SagaState state) =>
        (await trial.Retention.FindExpiredAsync(Walk(state, s_expired), after: null, limit: 100, CancellationToken.None).ConfigureAwait(false)).Expired;

    private static async Task<List<SagaId>> FindAllAsync(StoreTrial trial, SagaState state, TimeSpan keep, int limit)
    {
        List<SagaId> found = [];
        RetentionCursor? after = null;
        do
        {
            RetentionPage page = await trial.Retention.FindExpiredAsync(Walk(state, keep), after, limit, CancellationToken.None).ConfigureAwait(false);
            found.AddRange(page.Expired.Select(saga => saga.Id));
            after = page.Next;
        }
        while (after is not null);

        return found;
    }

    private static RetentionWalk Walk(SagaState state, TimeSpan keep) => new(state, [new RetentionRule(StoreTrial.Definition.Hash, keep)]);
}
