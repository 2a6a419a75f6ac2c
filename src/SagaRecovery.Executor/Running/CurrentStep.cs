namespace SagaRecovery.Executor.Running;

/// <summary>
/// The attempt of a step whose code makes a call. It flows to that code with the execution context, as a span does. Thread-safe.
/// </summary>
internal sealed class CurrentStep(SagaRun run, CancellationToken cancellationToken) : IDisposable
{
    private static readonly AsyncLocal<CurrentStep?> s_current = new();

    private readonly Lock _lock = new();
    private TaskCompletionSource? _ended;
    private bool _hasEnded;

    /// <summary>The attempt that makes the current call; null for a caller that is no step, or that outlives the step that started it.</summary>
    public static CurrentStep? OfCaller => s_current.Value is { HasEnded: false } step ? step : null;

    public SagaRun Run => run;

    public CancellationToken CancellationToken => cancellationToken;

    public bool HasEnded
    {
        get
        {
            lock (_lock)
            {
                return _hasEnded;
            }
        }
    }

    /// <summary>A task that completes when the attempt has ended.</summary>
    public Task Ended
    {
        get
        {
            lock (_lock)
            {
                return _hasEnded
                    ? Task.CompletedTask
                    : (_ended ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
            }
        }
    }

    /// <summary>Begins an attempt, for the code that the calling async method runs.</summary>
    public static CurrentStep Begin(SagaRun run, CancellationToken cancellationToken) => s_current.Value = new CurrentStep(run, cancellationToken);

    /// <summary>Ends the attempt.</summary>
    public void Dispose()
    {
        lock (_lock)
        {
            _hasEnded = true;
            _ended?.SetResult();
        }
    }
}
