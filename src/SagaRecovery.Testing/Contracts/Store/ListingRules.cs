using SagaRecovery.Bookkeeping;
using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class ListingRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "The listing shows what is in progress and ours, and nothing else",
            "a saga that is left out counts as finished and is never carried on; one too many is run by two owners",
            PrintsAsync),
        new(
            "The listing is complete over all of its pages, and lists nothing twice",
            "sagas at a page's boundary would count as finished, and be forgotten while they run",
            PagesAsync),
        new(
            "A saga that was committed before the listing was called is listed, whatever is created meanwhile",
            "a running saga would count as finished; recovery's two drains rest on this",
            CommittedBeforeAsync),
        new(
            "A saga in progress throughout is listed, whatever ends meanwhile",
            "pages that shift while sagas end would hide others: they would count as finished, and be forgotten while they run",
            EndingMeanwhileAsync),
        new(
            "A saga that cannot be read stays listed, is loaded as unreadable, and costs no other",
            "it would count as finished, or one damaged saga would keep all others from being recovered",
            UnreadableAsync) { IsOptional = true },
    ];

    private static async Task PrintsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        Expect.Equal((await trial.ListIdsAsync(us).ConfigureAwait(false)).Count, 0, "sagas of a coordinator that has none");

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
            listed,
            [
                StoreTrial.AsCandidate(running),
                new Candidate(unwinding, "contract-unwinding", AdoptGeneration.Initial),
                StoreTrial.AsCandidate(cameBack, AdoptGeneration.Initial.Next.Next),
            ],
            "sagas listed, with name and generation");
    }

    private static async Task PagesAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> ours = [];
        int full = 3 * trial.ListPageSize;
        foreach (int size in new[] { full - 1, full, full + 1 }) // the last page nearly full, full, and with one saga in it
        {
            while (ours.Count < size)
            {
                ours.Add(await trial.CreateAsync(us).ConfigureAwait(false));
                await trial.CreateAsync(others).ConfigureAwait(false); // between ours, so that pages are not cut by luck
            }

            Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), ours, $"sagas listed of {size}");
        }
    }

    private static async Task CommittedBeforeAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        await trial.CreateManyAsync(us, trial.ListPageSize).ConfigureAwait(false);
        using var enough = new CancellationTokenSource();
        var committed = new CommittedSagas();
        Task creating = Crowd.RunAsync(3, async _ =>
        {
            int count = 0;
            for (; !enough.IsCancellationRequested && count < 150; count++)
            {
                committed.Add(await trial.CreateAsync(us).ConfigureAwait(false));
            }

            return count;
        });
        try
        {
            for (int round = 0; round < 3 || !creating.IsCompleted; round++)
            {
                await committed.AnotherAsync(creating).ConfigureAwait(false);
                SagaId[] before = committed.All();
                HashSet<SagaId> listed = [.. await trial.ListIdsAsync(us).ConfigureAwait(false)];
                Expect.Sequence(before.Where(saga => !listed.Contains(saga)), [], "sagas committed before the listing was called and missing from it");
            }
        }
        finally
        {
            await enough.CancelAsync().ConfigureAwait(false);
            await creating.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task EndingMeanwhileAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId[] all = [.. (await trial.CreateManyAsync(us, 4 * trial.ListPageSize).ConfigureAwait(false)).Order()];
        SagaId[] ending = all[..(2 * trial.ListPageSize)]; // the first half by id: where that is the order of the pages, each end shifts those that stay
        SagaId[] staying = all[ending.Length..];
        Task endingAll = Task.Run(async () =>
        {
            foreach (SagaId saga in ending)
            {
                await trial.WriteAsync(us, StoreTrial.Entry(saga, SagaState.Succeeded)).ConfigureAwait(false);
            }
        });
        bool last;
        do
        {
            last = endingAll.IsCompleted;
            HashSet<SagaId> listed = [.. await trial.ListIdsAsync(us).ConfigureAwait(false)];
            Expect.Sequence(staying.Where(saga => !listed.Contains(saga)), [], "sagas in progress throughout and missing from the listing");
        }
        while (!last);

        await endingAll.ConfigureAwait(false);
        Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), staying, "sagas listed once the others have ended");
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
        StoreTrial.Present(loaded[0], sagas[0]);
        Expect.That(
            loaded[1] is LoadedSaga.Unreadable { Error.Length: > 0 },
            "the damaged saga is loaded as unreadable, with the reason",
            $"the store answered {loaded[1]}");
        StoreTrial.Present(loaded[2], sagas[2]);
    }

    /// <summary>The sagas that others have created so far.</summary>
    private sealed class CommittedSagas
    {
        private readonly Lock _lock = new();
        private readonly List<SagaId> _sagas = [];
        private TaskCompletionSource _another = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public void Add(SagaId saga)
        {
            lock (_lock)
            {
                _sagas.Add(saga);
                _another.SetResult();
                _another = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }
        }

        public SagaId[] All()
        {
            lock (_lock)
            {
                return [.. _sagas];
            }
        }

        /// <summary>Waits for one more, or until nobody creates any more.</summary>
        public async Task AnotherAsync(Task creating)
        {
            Task another;
            lock (_lock)
            {
                another = _another.Task;
            }

            if (await Task.WhenAny(another, creating).ConfigureAwait(false) == creating && creating.IsFaulted)
            {
                await creating.ConfigureAwait(false);
            }
        }
    }
}
