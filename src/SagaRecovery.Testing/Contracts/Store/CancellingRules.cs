using SagaRecovery.Fencing;
using SagaRecovery.Status;
using SagaRecovery.Storage;

namespace SagaRecovery.Testing.Contracts;

/// <summary>Rules about requests to cancel a saga, and about deadlines.</summary>
internal static class CancellingRules
{
    private const int Rounds = 40;

    private static readonly SagaCancellation s_request = new(DateTimeOffset.UnixEpoch, new OperatorNote("ann", "changed her mind"));

    private static readonly SagaCancellation s_byDeadline =
        SagaCancellation.AtDeadline(new DateTimeOffset(2026, 11, 24, 14, 0, 0, TimeSpan.FromHours(2)));

    public static IReadOnlyList<Rule<StoreTrial>> All { get; } =
    [
        new(
            "A saga is loaded with its deadline",
            "a process that takes it over would not cancel it in time",
            DeadlineAsync),
        new(
            "A saga whose cancellation was requested is loaded with the request, can unwind, and cannot succeed",
            "a crash would forget the request, or its author would be told of a cancellation although the saga succeeded",
            RequestedAsync)
        {
            IsOptional = true,
        },
        new(
            "A cancellation that an append brings is stored with its state",
            "a saga that its deadline cancelled would be reported as failed after a crash",
            AppendedAsync),
        new(
            "Of a request to cancel and a success at the same time, one takes effect",
            "the author of the request would be told of a cancellation although the saga succeeded",
            RaceAsync)
        {
            IsOptional = true,
        },
    ];

    private static async Task DeadlineAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        DateTimeOffset deadline = DateTimeOffset.UnixEpoch.AddDays(20_000);
        SagaId with = await trial.CreateAsync(us, StoreTrial.NewSaga() with { Deadline = deadline }).ConfigureAwait(false);
        SagaId without = await trial.CreateAsync(us).ConfigureAwait(false);

        Expect.Equal((await trial.LoadPresentAsync(us, with).ConfigureAwait(false)).Deadline, deadline, "the deadline");
        Expect.Equal((await trial.LoadPresentAsync(us, without).ConfigureAwait(false)).Deadline, null, "the deadline of a saga without one");
    }

    private static async Task RequestedAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
        await trial.WriteAsync(us, StoreTrial.Started(saga, 0)).ConfigureAwait(false);
        Expect.That(await trial.CancelAsync(saga, s_request).ConfigureAwait(false), "a running saga can be cancelled", "the request was refused");

        SavedSaga loaded = await trial.LoadPresentAsync(us, saga).ConfigureAwait(false);
        Expect.Equal(loaded.Cancellation?.Note, s_request.Note, "the note of the request");
        SagaLogEntry success = StoreTrial.Entry(saga, SagaState.Succeeded, StoreTrial.Event(0, NodeEventType.Succeeded));
        Expect.That(!await trial.AppendAsync(us, success).ConfigureAwait(false), "its success is refused", "it was written");
        Expect.Equal((await trial.LoadPresentAsync(us, saga).ConfigureAwait(false)).Events.Count, 1, "events after a refused success");
        Expect.That(
            !await trial.CancelAsync(saga, s_request).ConfigureAwait(false), "a second request is refused", "it replaced the first");

        await trial.WriteAsync(
            us, StoreTrial.Entry(saga, SagaState.Unwinding, StoreTrial.Event(0, NodeEventType.Succeeded)) with { Cancellation = s_byDeadline }).ConfigureAwait(false);
        Expect.Equal(
            (await trial.LoadPresentAsync(us, saga).ConfigureAwait(false)).Cancellation?.Note, s_request.Note, "the note after an append with another cancellation");
        await trial.WriteAsync(
            us,
            StoreTrial.Entry(saga, SagaState.Unwound, StoreTrial.Event(0, NodeEventType.UndoStarted), StoreTrial.Event(0, NodeEventType.UndoFinished)))
            .ConfigureAwait(false);
        Expect.That(!await trial.CancelAsync(saga, s_request).ConfigureAwait(false), "an ended saga cannot be cancelled", "the request was stored");
    }

    private static async Task AppendedAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        SagaId cancelled = await trial.CreateAsync(us).ConfigureAwait(false);
        SagaId failed = await trial.CreateAsync(us).ConfigureAwait(false);

        IReadOnlyList<bool> written = await trial.AppendAsync(
            us,
            StoreTrial.Entry(failed, SagaState.Unwinding),
            StoreTrial.Entry(cancelled, SagaState.Unwinding) with { Cancellation = s_byDeadline }).ConfigureAwait(false);

        Expect.That(written.All(one => one), "both entries are written", string.Join(", ", written));
        Expect.Equal((await trial.LoadPresentAsync(us, cancelled).ConfigureAwait(false)).Cancellation, s_byDeadline, "the cancellation");
        Expect.Equal((await trial.LoadPresentAsync(us, failed).ConfigureAwait(false)).Cancellation, null, "the cancellation of a saga that failed");
    }

    private static async Task RaceAsync(StoreTrial trial)
    {
        Membership us = await trial.JoinAsync().ConfigureAwait(false);
        for (int round = 0; round < Rounds; round++)
        {
            SagaId saga = await trial.CreateAsync(us).ConfigureAwait(false);
            await trial.WriteAsync(us, StoreTrial.Started(saga, 0)).ConfigureAwait(false);
            SagaLogEntry success = StoreTrial.Entry(saga, SagaState.Succeeded, StoreTrial.Event(0, NodeEventType.Succeeded));
            Task<bool> succeeds = Task.Run(() => trial.AppendAsync(us, success));
            if (round % 2 == 0)
            {
                await succeeds.ConfigureAwait(false); // every other round the success comes first; the others are a race
            }

            bool cancelled = await trial.CancelAsync(saga, s_request).ConfigureAwait(false);
            bool succeeded = await succeeds.ConfigureAwait(false);

            Expect.That(succeeded != cancelled, "either the success or the request takes effect", succeeded ? "both did" : "neither did");
        }
    }
}
