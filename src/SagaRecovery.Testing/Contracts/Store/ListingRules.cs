using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class ListingRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "The listing contains exactly the coordinator's own sagas in progress",
            "recovery would treat an omitted saga as finished and never resume it, or two owners would run an extra one",
            ListsExactlyAsync),
        new(
            "A listed saga has the definition with which it was created, or none",
            "recovery would take sagas whose definition it has for sagas of an unknown one, and not resume them",
            ListsDefinitionsAsync),
        new(
            "The listing is complete across pages and contains no duplicates",
            "recovery would treat sagas at a page boundary as finished and forget them while they run",
            PagesAsync),
        new(
            "A saga committed before the listing began is listed, even while others are created",
            "recovery would treat a running saga as finished, because its two drains rely on this rule",
            CommittedBeforeAsync),
        new(
            "A saga that stays in progress is listed, even while others end",
            "pages that shift while sagas end would omit other sagas: recovery would treat them as finished and forget them while they run",
            EndingMeanwhileAsync),
        new(
            "An unreadable saga stays listed, is loaded as unreadable, and does not affect others",
            "recovery would treat it as finished, or one damaged saga would block the recovery of all others",
            UnreadableAsync) { IsOptional = true },
    ];

    private static async Task ListsExactlyAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        Expect.Equal((await trial.ListIdsAsync(us).ConfigureAwait(false)).Count, 0, "sagas of a coordinator without sagas");

        SagaId running = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId unwinding = await trial.CreateAsync(us, StoreTrial.NewSaga(definition: StoreTrial.Define("contract-unwinding"))).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(unwinding, SagaState.Unwinding)).ConfigureAwait(false);
        SagaId cameBack = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.ReassignAsync(cameBack, others.Coordinator).ConfigureAwait(false);
        await trial.ReassignAsync(cameBack, us.Coordinator).ConfigureAwait(false);
        foreach (SagaState end in new[] { SagaState.Succeeded, SagaState.Unwound, SagaState.Stuck })
        {
            await trial.WriteAsync(us, StoreTrial.Entry(await trial.CreateAsync(us).ConfigureAwait(false), end)).ConfigureAwait(false);
        }

        await trial.AbandonAsync(us, await trial.CreateAsync(us).ConfigureAwait(false)).ConfigureAwait(false);
        await trial.ReassignAsync(await trial.CreateAsync(us).ConfigureAwait(false), others.Coordinator).ConfigureAwait(false);
        await trial.ReassignAsync(await trial.CreateAsync(us).ConfigureAwait(false), to: null).ConfigureAwait(false);
        await trial.CreateAsync(others).ConfigureAwait(false);

        (IReadOnlyList<Candidate> listed, IReadOnlyList<UnreadableCandidate> unreadable) = await trial.ListAsync(us).ConfigureAwait(false);
        Expect.Equal(unreadable.Count, 0, "sagas listed as unreadable");
        Expect.SameSet(
            listed.Select(candidate => candidate with { Definition = null }),
            [
                StoreTrial.AsCandidate(running),
                new Candidate(unwinding, "contract-unwinding", AdoptGeneration.Initial),
                StoreTrial.AsCandidate(cameBack, AdoptGeneration.Initial.Next.Next),
            ],
            "sagas listed, with name and generation");
    }

    private static async Task ListsDefinitionsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Dictionary<SagaId, DefinitionKey> created = [];
        for (int version = 1; version <= 3; version++)
        {
            SavedDefinition definition = StoreTrial.Define("contract-listed", version);
            created.Add(await trial.CreateAsync(us, StoreTrial.NewSaga(definition: definition)).ConfigureAwait(false), definition.Hash.ToKey());
        }

        (IReadOnlyList<Candidate> listed, _) = await trial.ListAsync(us).ConfigureAwait(false);
        foreach (Candidate candidate in listed.Where(candidate => candidate.Definition is not null))
        {
            Expect.Equal(candidate.Definition, created[candidate.SagaId], $"definition of saga {candidate.SagaId}");
        }
    }

    private static async Task PagesAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> ours = [];
        int full = 3 * trial.ListPageSize;
        foreach (int size in new[] { full - 1, full, full + 1 }) // the last page lacks one saga, is full, and holds one saga
        {
            while (ours.Count < size)
            {
                ours.Add(await trial.CreateAsync(us).ConfigureAwait(false));
                await trial.CreateAsync(others).ConfigureAwait(false); // interleaved with ours: otherwise pages cut before the filter by owner would pass
            }

            Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), ours, $"sagas listed of {size}");
        }
    }

    private static async Task CommittedBeforeAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        await trial.CreateManyAsync(us, trial.ListPageSize).ConfigureAwait(false);
        using var stop = new CancellationTokenSource();
        var committed = new CommittedSagas();
        Task creating = Crowd.RunAsync(3, async _ =>
        {
            int count = 0;
            for (; !stop.IsCancellationRequested && count < 150; count++)
            {
                committed.Add(await trial.CreateAsync(us).ConfigureAwait(false));
            }

            return count;
        });
        try
        {
            for (int round = 0; round < 3 || !creating.IsCompleted; round++)
            {
                await committed.WaitForNextAsync(creating).ConfigureAwait(false);
                SagaId[] before = committed.All();
                HashSet<SagaId> listed = [.. await trial.ListIdsAsync(us).ConfigureAwait(false)];
                Expect.Sequence(before.Where(saga => !listed.Contains(saga)), [], "sagas committed before the listing began but missing from it");
            }
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await creating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task EndingMeanwhileAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId[] all = [.. (await trial.CreateManyAsync(us, 4 * trial.ListPageSize).ConfigureAwait(false)).Order()];
        SagaId[] ending = all[..(2 * trial.ListPageSize)]; // the first half by id: if pages are ordered by id, each end shifts the remaining sagas
        SagaId[] remaining = all[ending.Length..];
        Task endingAll = Task.Run(async () =>
        {
            foreach (SagaId saga in ending)
            {
                await trial.WriteAsync(us, StoreTrial.Entry(saga, SagaState.Succeeded)).ConfigureAwait(false);
            }
        });
        bool isLast;
        do
        {
            isLast = endingAll.IsCompleted;
            HashSet<SagaId> listed = [.. await trial.ListIdsAsync(us).ConfigureAwait(false)];
            Expect.Sequence(remaining.Where(saga => !listed.Contains(saga)), [], "sagas that stay in progress but are missing from the listing");
        }
        while (!isLast);

        await endingAll.ConfigureAwait(false);
        Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), remaining, "sagas listed after the others have ended");
    }

    private static async Task UnreadableAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 3).ConfigureAwait(false);
        await trial.MakeUnreadableAsync(sagas[1]).ConfigureAwait(false);

        (IReadOnlyList<Candidate> readable, IReadOnlyList<UnreadableCandidate> unreadable) = await trial.ListAsync(us).ConfigureAwait(false);
        Expect.SameSet(
            readable.Select(candidate => candidate.SagaId).Concat(unreadable.Select(candidate => candidate.SagaId)),
            sagas,
            "sagas listed, readable or not");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, [.. sagas.Select(saga => StoreTrial.AsCandidate(saga))]).ConfigureAwait(false);
        StoreTrial.RequirePresent(loaded[0], sagas[0]);
        Expect.That(
            loaded[1] is LoadedSaga.Unreadable { Error.Length: > 0 },
            "the damaged saga is loaded as unreadable, with the reason",
            $"the store returned {loaded[1]}");
        StoreTrial.RequirePresent(loaded[2], sagas[2]);
    }

    /// <summary>The sagas that concurrent callers have created so far.</summary>
    private sealed class CommittedSagas
    {
        private readonly Lock _lock = new();
        private readonly List<SagaId> _sagas = [];
        private TaskCompletionSource _next = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Add(SagaId saga)
        {
            lock (_lock)
            {
                _sagas.Add(saga);
                _next.SetResult();
                _next = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        public SagaId[] All()
        {
            lock (_lock)
            {
                return [.. _sagas];
            }
        }

        /// <summary>Waits until another saga is added or all creators have finished.</summary>
        public async Task WaitForNextAsync(Task creating)
        {
            Task next;
            lock (_lock)
            {
                next = _next.Task;
            }

            if (await Task.WhenAny(next, creating).ConfigureAwait(false) == creating && creating.IsFaulted)
            {
                await creating.ConfigureAwait(false);
            }
        }
    }
}
