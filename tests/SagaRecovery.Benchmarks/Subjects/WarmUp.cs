using System.Globalization;
using System.Runtime;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Lets the runtime fully compile a subject's code before it is measured.</summary>
internal static class WarmUp
{
    /// <summary>The number of successive rounds with almost nothing compiled after which the warm-up is complete.</summary>
    private const int QuietRounds = 4;

    /// <summary>Some method is always called for the thirtieth time.</summary>
    private const int NextToNothing = 2;

    /// <summary>
    /// A method that is called often enough is compiled again in the background once no new one has been called for a time: by default 100 ms,
    /// which would make a round last as long.
    /// </summary>
    private static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(10);

    /// <summary>The settings of the runtime, in the environment of a process that warms up.</summary>
    public static KeyValuePair<string, string> Setting { get; } =
        new("DOTNET_TC_CallCountingDelayMs", Delay.Milliseconds.ToString("x", CultureInfo.InvariantCulture));

    /// <param name="rounds">The maximum number of rounds; one is enough if a round is long.</param>
    /// <param name="once">The measured operation, on other sagas.</param>
    public static async Task RunAsync(int rounds, Func<Task> once)
    {
        int quiet = 0;
        for (int i = 0; i < rounds && quiet < QuietRounds; i++)
        {
            long compiled = JitInfo.GetCompiledMethodCount();
            await once();
            await Task.Delay(Delay * 3);
            quiet = JitInfo.GetCompiledMethodCount() - compiled <= NextToNothing ? quiet + 1 : 0;
        }
    }
}
