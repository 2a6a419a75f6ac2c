using System.Diagnostics;

namespace SagaRecovery.Tests.Support;

/// <summary>Waits for something that has no signal of its own, such as a row in a server's views.</summary>
public static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    public static async Task TrueAsync(Func<Task<bool>> condition)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            Stopwatch.GetElapsedTime(began).Should().BeLessThan(Deadline, "the condition has to come true at last");
            await Task.Yield();
        }
    }

    public static Task TrueAsync(Func<bool> condition) => TrueAsync(() => Task.FromResult(condition()));
}
