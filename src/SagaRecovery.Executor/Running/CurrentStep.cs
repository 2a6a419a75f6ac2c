namespace SagaRecovery.Executor.Running;

/// <summary>
/// The attempt of a step whose code makes a call. It flows to that code with the execution context, as a span does. Thread-safe.
/// </summary>
internal sealed class CurrentStep(SagaRun run, CancellationToken cancellationToken) : IDisposable
{
    private static readonly AsyncLocal<CurrentStep?> s_current = new();

    private static readonly TaskCompletionSource s_hasEnded = Completed();

    private TaskCompletionSource? _end; // created by the first that waits for it, or by the end

    /// <summary>The attempt that makes the current call; null for a caller that is no step, or that outlives the step that started it.</summary>
    public static CurrentStep? OfCaller => s_current.Value is { HasEnded: false } step ? step : null;

    public SagaRun Run => run;

    public CancellationToken CancellationToken => cancellationToken;

    public bool HasEnded => Volatile.Read(ref _end)?.Task.IsCompleted == true;

    /// <summary>A task that completes when the attempt has ended.</summary>
    public Task Ended
    {
        get
        {
            var end = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return (Interlocked.CompareExchange(ref _end, end, null) ?? end).Task;
        }
    }

    /// <summary>Begins an attempt, for the code that the calling async method runs.</summary>
    public static CurrentStep Begin(SagaRun run, CancellationToken cancellationToken) => s_current.Value = new CurrentStep(run, cancellationToken);

    /// <summary>Ends the attempt.</summary>
    public void Dispose() => Interlocked.CompareExchange(ref _end, s_hasEnded, null)?.TrySetResult();

    private static TaskCompletionSource Completed()
    {
        var completed = new TaskCompletionSource();
        completed.SetResult();
        return completed;
    }
}
