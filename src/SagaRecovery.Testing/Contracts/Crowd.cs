namespace SagaRecovery.Testing.Contracts;

/// <summary>Makes concurrent calls and cancelled calls.</summary>
internal static class Crowd
{
    /// <summary>Starts all calls at the same time, each on the thread pool.</summary>
    /// <returns>The results, in the order of the calls.</returns>
    public static async Task<T[]> RunAsync<T>(int count, Func<int, Task<T>> call)
    {
        var start = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Task<T>[] calls = [.. Enumerable.Range(0, count).Select(number => Task.Run(async () =>
        {
            await start.Task.ConfigureAwait(false);
            return await call(number).ConfigureAwait(false);
        }))];
        start.SetResult();
        return await Task.WhenAll(calls).ConfigureAwait(false);
    }

    /// <summary>Cancels a call after a number of yields and waits until the call completes, fails or is cancelled.</summary>
    public static async Task CancelAfterAsync(int yields, Func<CancellationToken, Task> call)
    {
        using var cancellation = new CancellationTokenSource();
        Task calling = call(cancellation.Token);
        for (int i = 0; i < yields; i++)
        {
            await Task.Yield();
        }

        await cancellation.CancelAsync().ConfigureAwait(false);
        await calling.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }
}
