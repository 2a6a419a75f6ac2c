namespace SagaRecovery.Testing.Contracts;

/// <summary>Callers that come at the same time, or go too early.</summary>
internal static class Crowd
{
    /// <summary>Starts all calls together, each on the thread pool.</summary>
    /// <returns>What they answered, in their order.</returns>
    public static async Task<T[]> RunAsync<T>(int count, Func<int, Task<T>> call)
    {
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<T>[] calls = [.. Enumerable.Range(0, count).Select(number => Task.Run(async () =>
        {
            await go.Task.ConfigureAwait(false);
            return await call(number).ConfigureAwait(false);
        }))];
        go.SetResult();
        return await Task.WhenAll(calls).ConfigureAwait(false);
    }

    /// <summary>Cancels a call after so many turns of the thread pool, and waits for its end, whatever that is.</summary>
    public static async Task InterruptAsync(int turns, Func<CancellationToken, Task> call)
    {
        using var giveUp = new CancellationTokenSource();
        Task calling = call(giveUp.Token);
        for (int turn = 0; turn < turns; turn++)
        {
            await Task.Yield();
        }

        await giveUp.CancelAsync().ConfigureAwait(false);
        await calling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
