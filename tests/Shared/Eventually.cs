using System.Diagnostics;

namespace Tests.Shared;

/// <summary>The only way in which tests wait for events without a signal of their own, such as those in another process.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    /// <summary>Polls until the condition holds.</summary>
    /// <param name="condition">The condition that has to become true.</param>
    /// <param name="what">Completes the sentence "waited in vain until …".</param>
    /// <param name="within">The deadline; null: 30 s.</param>
    public static async Task HoldsAsync(Func<Task<bool>> condition, string what, TimeSpan? within = null)
    {
        long began = Stopwatch.GetTimestamp();
        while (!await condition())
        {
            if (Stopwatch.GetElapsedTime(began) > (within ?? Longest))
            {
                throw new TimeoutException($"Waited in vain until {what}.");
            }

            await Task.Delay(5);
        }
    }

    /// <inheritdoc cref="HoldsAsync(Func{Task{bool}}, string, TimeSpan?)" />
    public static Task HoldsAsync(Func<bool> condition, string what, TimeSpan? within = null) =>
        HoldsAsync(() => Task.FromResult(condition()), what, within);
}
