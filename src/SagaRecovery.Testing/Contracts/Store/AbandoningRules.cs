using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

internal static class AbandoningRules
{
    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "Abandoning a saga is final, and later writes to it are refused",
            "recovery would retry a corrupt saga indefinitely, or the saga would continue after it was abandoned",
            AbandonsAsync),
        new(
            "A superseded saga is not abandoned",
            "a saga that another process runs, or that has succeeded, would be discarded",
            SupersededAsync),
        new(
            "When abandoning a saga races with ending it, exactly one takes effect",
            "a saga would be listed as abandoned after its success was reported to its caller",
            RacingWithEndAsync),
    ];

    private static async Task AbandonsAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId other = await trial.CreateAsync(us).ConfigureAwait(false);

        Expect.Equal(await trial.AbandonAsync(us, saga).ConfigureAwait(false), expected: true, "abandoning a saga in progress");

        Expect.Sequence(await trial.ListIdsAsync(us).ConfigureAwait(false), [other], "sagas in progress afterwards");
        IReadOnlyList<LoadedSaga> loaded = await trial.LoadAsync(us, StoreTrial.AsCandidate(saga)).ConfigureAwait(false);
        Expect.Equal(loaded[0], LoadedSaga.Superseded.Instance, "loading it");
        Expect.Equal(await trial.AppendAsync(us, StoreTrial.Started(saga, 0)).ConfigureAwait(false), expected: false, "appending an event to it");
        Expect.Equal(await trial.AppendAsync(us, StoreTrial.Entry(saga, SagaState.Succeeded)).ConfigureAwait(false), expected: false, "ending it");
        Expect.Equal(await trial.AbandonAsync(us, saga).ConfigureAwait(false), expected: false, "abandoning it again");
    }

    private static async Task SupersededAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        Membership others = await trial.JoinAsync().ConfigureAwait(false);
        List<SagaId> sagas = await trial.CreateManyAsync(us, 4).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[0], others.Coordinator).ConfigureAwait(false);
        await trial.ReassignAsync(sagas[1], us.Coordinator).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(sagas[2], SagaState.Succeeded)).ConfigureAwait(false);

        (string What, Membership Member, SagaId Saga, AdoptGeneration? Generation)[] attempts =
        [
            ("that was reassigned", us, sagas[0], null),
            ("that was reassigned, at its new generation", us, sagas[0], AdoptGeneration.Initial.Next),
            ("that came back at a newer generation", us, sagas[1], null),
            ("that has succeeded", us, sagas[2], null),
            ("of another coordinator", others, sagas[3], null),
            ("that does not exist", us, StoreTrial.NewId(), null),
        ];
        foreach ((string what, Membership member, SagaId saga, AdoptGeneration? generation) in attempts)
        {
            Expect.Equal(await trial.AbandonAsync(member, saga, generation).ConfigureAwait(false), expected: false, $"abandoning a saga {what}");
        }

        Expect.SameSet(await trial.ListIdsAsync(us).ConfigureAwait(false), [sagas[1], sagas[3]], "our sagas in progress afterwards");
        Expect.Sequence(await trial.ListIdsAsync(others).ConfigureAwait(false), [sagas[0]], "the others' sagas in progress afterwards");
        Expect.That(
            await trial.AppendAsync(us, StoreTrial.Entry(sagas[2], SagaState.Succeeded)).ConfigureAwait(false), "the state remains 'Succeeded'", "it changed");
    }

    private static async Task RacingWithEndAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        for (int round = 0; round < 40; round++)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            bool[] effective = await Crowd.RunAsync(2, caller => (caller + round) % 2 == 0
                ? trial.AbandonAsync(us, saga)
                : trial.AppendAsync(us, StoreTrial.Entry(saga, SagaState.Succeeded))).ConfigureAwait(false);
            Expect.Equal(effective.Count(one => one), 1, "calls that took effect when abandoning raced with ending");
        }
    }
}
