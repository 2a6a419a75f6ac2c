namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Merges a stream of sagas with a stream of their events, both in the order of the sagas' ids.</summary>
internal static class OrderedStreams
{
    /// <param name="nextSaga">Reads the next saga; null: there is none.</param>
    /// <param name="nextEvent">Reads the next event; null: there is none.</param>
    /// <param name="take">Receives each saga once it has its events.</param>
    public static async Task MergeAsync(Func<ValueTask<RawSaga?>> nextSaga, Func<ValueTask<(Guid SagaId, RawEvent Event)?>> nextEvent, Action<RawSaga> take)
    {
        (Guid SagaId, RawEvent Event)? next = await nextEvent();
        while (await nextSaga() is { } saga)
        {
            while (next is { } one && one.SagaId == saga.Id)
            {
                saga.Events.Add(one.Event);
                next = await nextEvent();
            }

            take(saga);
        }
    }
}
