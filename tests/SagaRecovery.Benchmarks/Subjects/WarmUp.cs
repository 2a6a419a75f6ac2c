using System.Runtime;

namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Lets the runtime compile a subject's code for good before it is measured.</summary>
internal static class WarmUp
{
    /// <summary>So many rounds in which next to nothing was compiled, one after the other: it is done.</summary>
    private const int QuietRounds = 4;

    /// <summary>There is always some method that is called for the thirtieth time.</summary>
    private const int NextToNothing = 2;

    /// <summary>Code that was called often enough is compiled again in the background once there has been peace for 100 ms.</summary>
    private static readonly TimeSpan Peace = TimeSpan.FromMilliseconds(150);

    /// <param name="rounds">How often at most; once is enough where a round is long.</param>
    /// <param name="once">Does what is to be measured, to other sagas.</param>
    public static async Task RunAsync(int rounds, Func<Task> once)
    {
        int quiet = 0;
        for (int i = 0; i < rounds && quiet < QuietRounds; i++)
        {
            long compiled = JitInfo.GetCompiledMethodCount();
            await once();
            await Task.Delay(Peace);
            long now = JitInfo.GetCompiledMethodCount() - compiled;
            if (Environment.GetEnvironmentVariable("WU") is not null) await File.AppendAllTextAsync("/tmp/wu.log", $"{i}:{now} ");
            quiet = now <= NextToNothing ? quiet + 1 : 0;
        }
        if (Environment.GetEnvironmentVariable("WU") is not null) await File.AppendAllTextAsync("/tmp/wu.log", $"\n");
    }
}
