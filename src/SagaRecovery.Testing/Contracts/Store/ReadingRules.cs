using SagaRecovery.Fencing;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about reading sagas of any owner and in any state.</summary>
internal static class ReadingRules
{
    private const int Rounds = 30;
    private const int Nodes = 40;
    private const int Many = 1_500;

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A saga is read with its log and its state, regardless of owner and state",
            "a caller would not get the result of its saga from another process, or after a take-over",
            ReadAsync)
        {
            IsOptional = true,
        },
        new(
            "Exactly the sagas in progress are found among those awaited",
            "a wait for a saga that has ended would never end, or one for a saga in progress would end without a result",
            FindAsync)
        {
            IsOptional = true,
        },
        new(
            "A saga that is read as ended is read with its whole log",
            "its caller would get a result without its outputs",
            RaceAsync)
        {
            IsOptional = true,
        },
    ];

    private static async Task ReadAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        NewSaga saga = StoreTrial.NewSaga(definition: StoreTrial.Define("read", version: 3), parameters: """{"a":1}""") with { Deadline = DateTimeOffset.UnixEpoch.AddDays(20_000) };
        await trial.CreateAsync(us, saga).ConfigureAwait(false);
        await trial.CreateAsync(us).ConfigureAwait(false);
        SagaLogEntry end = StoreTrial.Entry(
            saga.Id, SagaState.Succeeded, StoreTrial.Event(0, NodeEventType.Started), StoreTrial.Event(0, NodeEventType.Succeeded, """{"b":2}"""));
        SagaId missing = StoreTrial.NewId();

        SavedSaga running = await trial.ReadPresentAsync(saga.Id).ConfigureAwait(false);
        await trial.WriteAsync(us, end).ConfigureAwait(false);
        await trial.ReassignAsync(saga.Id, to: null).ConfigureAwait(false);
        SavedSaga ended = await trial.ReadPresentAsync(saga.Id).ConfigureAwait(false);

        Expect.Equal(running.State, SagaState.Running, "the state of a new saga");
        Expect.Equal(running.Events.Count, 0, "the events of a new saga");
        Expect.Equal((ended.Id, ended.Name, ended.State), (saga.Id, "read", SagaState.Succeeded), "id, name and state of an ended saga without an owner");
        Expect.Equal((ended.Definition.Hash, ended.Definition.Version), (saga.Definition.Hash, 3), "hash and version of its definition");
        Expect.That(ended.Definition.Dag.Span.SequenceEqual(saga.Definition.Dag.Span), "its DAG is read byte for byte", "it differs");
        Expect.That(ended.Parameters.Span.SequenceEqual(saga.Parameters.Span), "its parameters are read byte for byte", "they differ");
        Expect.Equal(ended.Deadline, saga.Deadline, "its deadline");
        Expect.Equal(
            string.Join("; ", StoreTrial.Describe(ended.Events)), string.Join("; ", StoreTrial.Describe(end.Events)), "its log");
        Expect.That(await trial.Reader.ReadAsync(missing, CancellationToken.None).ConfigureAwait(false) is null, "an unknown id is read as null", "a saga was read");
    }

    private static async Task FindAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId running = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId unwinding = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId unowned = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId ended = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId abandoned = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(unwinding, 0, SagaState.Unwinding)).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Entry(ended, SagaState.Succeeded)).ConfigureAwait(false);
        await trial.ReassignAsync(unowned, to: null).ConfigureAwait(false);
        await trial.AbandonAsync(us, abandoned).ConfigureAwait(false);
        SagaId[] awaited = [.. Enumerable.Range(0, Many).Select(_ => StoreTrial.NewId()), ended, abandoned, unwinding, running, unowned];

        IReadOnlyCollection<SagaId> found = await trial.Reader.FindUnfinishedAsync(awaited, CancellationToken.None).ConfigureAwait(false);

        Expect.Equal(
            string.Join(", ", found.Order()), string.Join(", ", new[] { running, unwinding, unowned }.Order()), "the running, the unwinding and the unowned saga");
        Expect.Equal(
            (await trial.Reader.FindUnfinishedAsync([], CancellationToken.None).ConfigureAwait(false)).Count, 0, "sagas found among none");
    }

    private static async Task RaceAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SavedNodeEvent[] log = [.. Enumerable.Range(0, Nodes).Select(node => StoreTrial.Event(node, NodeEventType.Started))];
        for (int round = 0; round < Rounds; round++)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.ReadPresentAsync(saga).ConfigureAwait(false);
            Task<bool> writes = Task.Run(() => trial.AppendAsync(us, StoreTrial.Entry(saga, SagaState.Succeeded, log)));
            SavedSaga read;
            do
            {
                read = await trial.ReadPresentAsync(saga).ConfigureAwait(false);
            }
            while (read.State == SagaState.Running);

            Expect.Equal(read.Events.Count, Nodes, "the events of a saga that is read as ended");
            await writes.ConfigureAwait(false);
        }
    }
}
