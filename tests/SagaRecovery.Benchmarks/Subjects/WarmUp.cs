namespace SagaRecovery.Benchmarks.Subjects;

/// <summary>Lets the runtime compile a subject's code for good before it is measured.</summary>
internal static class WarmUp
{
    /// <summary>Code that was called often enough is compiled again in the background once there has been peace for 100 ms.</summary>
    private static readonly TimeSpan Peace = TimeSpan.FromMilliseconds(150);

    /// <param name="rounds">How often.</param>
    /// <param name="once">Does what is to be measured, to other sagas.</param>
    public static async Task RunAsync(int rounds, Func<Task> once)
    {
        for (int i = 0; i < rounds; i++)
        {
            await once();
            await Task.Delay(Peace);
        }
    }
}
